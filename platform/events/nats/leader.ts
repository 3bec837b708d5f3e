import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable, Sql } from '../../db/database.ts';
import { repeat } from '../../lifecycle/repeat.ts';

/** How often the leader shows that it lives. */
const BEAT_MS = 1_000;
/** For how long it may fail to. PostgreSQL then ends its session; the leader itself gives up before that. */
const SILENCE_MS = 4_000;

/**
 * Does `work` if no other process is the leader of `name` in this database, and is the leader meanwhile. The signal
 * that `work` gets aborts with `signal`, and when this process may no longer be the leader.
 *
 * It is a session's advisory lock: it is free as soon as the process is dead, and after SILENCE_MS if it hangs or
 * vanished. Two may lead for a moment, one of them without knowing that it was overtaken.
 *
 * @returns whether it was the leader
 */
export async function whileLeader(
  sql: Sql,
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  // Those that don't lead ask again and again: not each time by a new connection.
  const [probe] = await sql<{ free: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as free`;
  if (!probe?.free) return false;
  return sql.withConnection(async (connection) => {
    await connection.unsafe(`set idle_session_timeout = ${SILENCE_MS}`);
    const [lock] = await connection<{ mine: boolean }[]>`
      select pg_try_advisory_lock(hashtextextended(${name}, 0)) as mine`;
    if (!lock?.mine) return false;
    const end = new AbortController();
    const leading = AbortSignal.any([signal, end.signal]);
    const beating = repeat(BEAT_MS, leading, async () => {
      if (!(await answers(connection))) end.abort();
    });
    try {
      await work(leading);
    } finally {
      end.abort();
      await beating;
    }
    return true;
  });
}

/** Whether the session is still there, and says so in time. */
async function answers(connection: Queryable): Promise<boolean> {
  const late = new AbortController();
  const answer = connection`select 1`.then(
    () => true,
    () => false,
  );
  const timeout = sleep(SILENCE_MS - 2 * BEAT_MS, false, { signal: late.signal, ref: false }).catch(
    () => false,
  );
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    late.abort();
  }
}
