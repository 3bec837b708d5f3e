import { createBatcher } from '../../../platform/batch/batcher.ts';
import type { Sql } from '../../../platform/db/database.ts';

/** Where a distributed transaction stands. */
export type TransactionState = 'RUNNING' | 'COMMITTING' | 'COMMITTED' | 'ROLLING_BACK' | 'ROLLED_BACK';

/** A distributed transaction, as an operator sees it. */
export interface TransactionRecord {
  readonly id: string;
  readonly kind: string;
  readonly orderId: string;
  readonly state: TransactionState;
  readonly attempts: number;
  readonly lastError: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A transaction that somebody has to bring to its end. */
export interface OpenTransaction {
  readonly id: string;
  readonly kind: string;
  readonly orderId: string;
  readonly state: 'RUNNING' | 'COMMITTING' | 'ROLLING_BACK';
  /** What its beginner gave to `start`. */
  readonly input: unknown;
}

/** How far somebody came with a transaction. */
export interface Progress {
  readonly id: string;
  /** Whether all its steps are through, so that it takes the final state of its direction. */
  readonly done: boolean;
  /** How many attempts to count on top. */
  readonly attempts: number;
  /** Status and reason of the last failure; empty: none. */
  readonly lastError: string;
}

/** Which transactions to list. */
export interface TransactionFilter {
  readonly orderId?: string;
  readonly states: readonly TransactionState[];
  /** Only those before this id. */
  readonly before?: string;
  readonly limit: number;
}

/** How long a transaction is left to whoever works on it. More than a living one needs: 2 s to try, 3 s to settle. */
export const LEASE_SECONDS = 6;
/** The longest pause between two takeovers of one that does not get through. */
const MAX_PAUSE_SECONDS = 30;
const MAX_BATCH = 256;

/** The log of the distributed transactions. */
export type TransactionStore = ReturnType<typeof createTransactionStore>;

/** The store on `sql`. */
export function createTransactionStore(sql: Sql) {
  const lease = sql`now() + ${LEASE_SECONDS} * interval '1 second'`;
  const record = sql`
    id, kind, order_id as "orderId", state, attempts, last_error as "lastError", created_at as "createdAt",
    updated_at as "updatedAt"`;

  async function progress(given: Progress[]): Promise<undefined[]> {
    // Not `and open`: that index, of what comes and goes all the time, would be read as a whole.
    await sql`
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
        ${given.map(({ id }) => id)}::uuid[], ${given.map(({ done }) => done)}::boolean[],
        ${given.map(({ attempts }) => attempts)}::integer[], ${given.map(({ lastError }) => lastError)}::text[]
      ) as g (id, done, attempts, last_error)
      where t.id = g.id and t.state not in ('COMMITTED', 'ROLLED_BACK')`;
    return given.map(() => undefined);
  }

  return {
    /** Makes a RUNNING transaction; `input` is any JSON value. Its steps may be sent once this is through. */
    async start(id: string, kind: string, orderId: string, input: unknown): Promise<void> {
      await sql`
        insert into transactions (id, kind, order_id, state, input, lease_until)
        values (${id}, ${kind}, ${orderId}, 'RUNNING', ${JSON.stringify(input)}::jsonb, ${lease})`;
    },

    /** Decides against a RUNNING transaction. False when it was decided before. */
    async rollBack(id: string, error: string): Promise<boolean> {
      const rows = await sql`
        update transactions
        set state = 'ROLLING_BACK', last_error = ${error}, updated_at = now(), lease_until = ${lease}
        where id = ${id} and state = 'RUNNING'
        returning id`;
      return rows.length === 1;
    },

    /** Notes what was attempted, and the end when all is done; otherwise leaves the transaction to whoever comes. */
    progress: createBatcher({ run: progress, maxSize: MAX_BATCH }),

    /**
     * Takes over open transactions that nobody works on, oldest first; only those of one order where it is given.
     * Replicas that claim at the same time get different ones.
     */
    async claim(limit: number, orderId?: string): Promise<OpenTransaction[]> {
      return sql<OpenTransaction[]>`
        update transactions set lease_until = ${lease}
        where id in (
          select id from transactions
          where open and lease_until < now() ${orderId === undefined ? sql`` : sql`and order_id = ${orderId}`}
          order by id limit ${limit} for update skip locked
        )
        returning id, kind, order_id as "orderId", state, input`;
    },

    /** Takes over one open transaction, if nobody works on it. */
    async claimOne(id: string): Promise<boolean> {
      const rows = await sql`
        update transactions set lease_until = ${lease} where id = ${id} and open and lease_until < now() returning id`;
      return rows.length === 1;
    },

    /** The transaction that placed the order, while its confirms are outstanding. */
    async findUnconfirmed(orderId: string): Promise<string | undefined> {
      const [row] = await sql<{ id: string }[]>`
        select id from transactions where order_id = ${orderId} and kind = 'create-order' and state = 'COMMITTING'`;
      return row?.id;
    },

    async get(id: string): Promise<TransactionRecord | undefined> {
      const [row] = await sql<TransactionRecord[]>`select ${record} from transactions where id = ${id}`;
      return row;
    },

    /** Newest first. */
    async list({ orderId, states, before, limit }: TransactionFilter): Promise<TransactionRecord[]> {
      // States that are all open are few, and have an index.
      const open = states.length > 0 && !states.some((state) => state.endsWith('ED'));
      return sql<TransactionRecord[]>`
        select ${record} from transactions
        where true
          ${orderId === undefined ? sql`` : sql`and order_id = ${orderId}`}
          ${states.length === 0 ? sql`` : sql`and state = any (${states as TransactionState[]})`}
          ${open ? sql`and open` : sql``}
          ${before === undefined ? sql`` : sql`and id < ${before}`}
        order by id desc limit ${limit}`;
    },
  };
}
