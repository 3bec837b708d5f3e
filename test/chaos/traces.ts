import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { accessLogFile } from '../../mesh/local/gateway.ts';
import type { Paths } from '../../mesh/local/paths.ts';
import type { Databases } from '../invariants/databases.ts';

/** What the transaction log tells of the troubles it saw. */
export interface Recovery {
  readonly transactions: number;
  /** Transactions that another instance, or a later call, took over. */
  readonly takenOver: number;
  /** The longest, in milliseconds, from a transaction's begin to its end. */
  readonly slowestMs: number;
  /** What that one was: its kind, attempts and last failure. */
  readonly slowest: string;
}

/** Reads what became of the distributed transactions. */
export async function readRecovery({ order }: Databases): Promise<Recovery> {
  const { rows } = await order.query(
    `select count(*)::integer as transactions,
       count(*) filter (where epoch > 0)::integer as "takenOver",
       coalesce(extract(epoch from max(updated_at - created_at)) * 1000, 0)::integer as "slowestMs",
       coalesce(
         (select concat_ws(' ', kind, id, 'epoch', epoch, 'attempts', attempts, last_error)
          from transactions order by updated_at - created_at desc limit 1),
         ''
       ) as slowest
     from transactions`,
  );
  return rows[0] as Recovery;
}

/** Calls between services that Envoy's fault filter spoilt. */
export interface SpoiltCalls {
  readonly delayed: number;
  readonly dropped: number;
}

/** Counts them in the access log, by Envoy's response flags DI and FI. */
export async function readSpoiltCalls(paths: Paths): Promise<SpoiltCalls> {
  const spoilt = { delayed: 0, dropped: 0 };
  for await (const line of createInterface(createReadStream(accessLogFile(paths)))) {
    const flags = /"flags":"([^"]*)"/.exec(line)?.[1]?.split(',') ?? [];
    if (flags.includes('DI')) spoilt.delayed += 1;
    if (flags.includes('FI')) spoilt.dropped += 1;
  }
  return spoilt;
}
