import { createBatcher } from '../batch/batcher.ts';
import type { Sql } from '../db/database.ts';
import {
  LEASE_SECONDS,
  MAX_PAUSE_SECONDS,
  type NewTransaction,
  type OpenTransaction,
  type Progress,
  type TransactionLog,
} from './log.ts';

const MAX_BATCH = 256;
/** Nobody waits for progress to be noted. In milliseconds. */
const NOTED_EVERY_MS = 25;

/**
 * The log in PostgreSQL. Its tables are as transactions.sql, beside this file, makes them. The
 * statements of concurrent transactions share a commit wherever many are likely.
 *
 * A service's own decisions have this form, together with the change in one statement; {@link LEASE_SECONDS} from then:
 *
 * ```sql
 * update transactions set state = 'COMMITTING', updated_at = now(), lease_until = now() + interval '6 seconds'
 * where id = $1 and state = 'RUNNING'
 * ```
 */
export function createSqlLog(sql: Sql): TransactionLog {
  const lease = sql`now() + ${LEASE_SECONDS} * interval '1 second'`;
  const taken = sql`lease_until = ${lease}, epoch = epoch + 1`;
  const open = sql`
    id, kind, entity_id as "entityId", state, input, epoch, traceparent,
    (extract(epoch from now() - created_at) * 1000)::double precision as "ageMs"`;

  async function start(given: NewTransaction[]): Promise<undefined[]> {
    await sql`
      insert into transactions (id, kind, entity_id, state, input, traceparent, lease_until)
      select id, kind, entity_id, 'RUNNING', input::jsonb, traceparent, ${lease}
      from unnest(
        ${given.map(({ id }) => id)}::uuid[], ${given.map(({ kind }) => kind)}::text[],
        ${given.map(({ entityId }) => entityId)}::uuid[], ${given.map(({ input }) => JSON.stringify(input))}::text[],
        ${given.map(({ traceparent }) => traceparent)}::text[]
      ) as g (id, kind, entity_id, input, traceparent)`;
    return given.map(() => undefined);
  }

  async function progress(given: Progress[]): Promise<boolean[]> {
    // Not `and open`: that index, of what comes and goes all the time, would be read as a whole.
    const rows = await sql<{ id: string; open: boolean }[]>`
      update transactions t
      set state = case when not g.done then t.state
            when t.state = 'COMMITTING' then 'COMMITTED'
            when t.state = 'ROLLING_BACK' then 'ROLLED_BACK'
            else t.state end,
        open = not g.done or t.state = 'RUNNING',
        attempts = t.attempts + g.attempts,
        last_error = case when g.last_error = '' then t.last_error else g.last_error end,
        lease_until = now() + least(${MAX_PAUSE_SECONDS}, t.attempts + g.attempts) * interval '1 second',
        updated_at = now()
      from unnest(
        ${given.map(({ id }) => id)}::uuid[], ${given.map(({ epoch }) => epoch)}::integer[],
        ${given.map(({ done }) => done)}::boolean[], ${given.map(({ attempts }) => attempts)}::integer[],
        ${given.map(({ lastError }) => lastError)}::text[]
      ) as g (id, epoch, done, attempts, last_error)
      where t.id = g.id and t.state not in ('COMMITTED', 'ROLLED_BACK') and (g.done or t.epoch = g.epoch)
      returning t.id, t.open`;
    const ended = new Set(rows.filter((row) => !row.open).map(({ id }) => id));
    return given.map(({ id, done }) => done && ended.has(id));
  }

  return {
    start: createBatcher({ run: start, maxSize: MAX_BATCH }),

    async rollBack(id, error) {
      const rows = await sql`
        update transactions
        set state = 'ROLLING_BACK', last_error = ${error}, updated_at = now(), lease_until = ${lease}
        where id = ${id} and state = 'RUNNING'
        returning id`;
      return rows.length === 1;
    },

    progress: createBatcher({ run: progress, maxSize: MAX_BATCH, gatherMs: NOTED_EVERY_MS }),

    async claim(limit, entityId) {
      return sql<OpenTransaction[]>`
        update transactions set ${taken}
        where id in (
          select id from transactions
          where open and lease_until < now() ${entityId === undefined ? sql`` : sql`and entity_id = ${entityId}`}
          order by id limit ${limit} for update skip locked
        )
        returning ${open}`;
    },

    async claimOne(id, decided = false) {
      const [row] = await sql<OpenTransaction[]>`
        update transactions set ${taken}
        where id = ${id} and open and (lease_until < now() or ${decided}::boolean and state <> 'RUNNING')
        returning ${open}`;
      return row;
    },

    async findCommitting(kind, entityId) {
      const [row] = await sql<{ id: string }[]>`
        select id from transactions where entity_id = ${entityId} and kind = ${kind} and state = 'COMMITTING'`;
      return row?.id;
    },
  };
}
