import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import type { Queryable, Sql, Transaction } from '../../db/database.ts';
import { fail } from '../../errors.ts';
import type { NewEvent } from '../event.ts';
import type { Snapshot } from '../source.ts';
import type { ConsumerStore } from './consumer-store.ts';
import { sizeOf, toEvent } from './entry.ts';
import { BATCH } from './follow.ts';
import { type LogStore, lastPosition, type Move, move } from './log-store.ts';
import { AT_MOST } from './sequencer.ts';
import { createTurns } from './turns.ts';

/**
 * What there is in a partition, as events: one or more for each subject, as if all of it had just happened. Reads its
 * tables in batches by key, within the given read-only transaction, which sees one moment.
 * `event_partition(id) = ${partition}` in SQL tells what is in the partition.
 */
export type SnapshotReader = (tx: Transaction, partition: number) => AsyncIterable<readonly NewEvent[]>;

/** What a snapshot is taken with. */
export interface SnapshotParts {
  readonly sql: Sql;
  readonly source: string;
  readonly read: SnapshotReader;
  readonly log: Pick<LogStore, 'move'>;
  readonly consumers: Pick<ConsumerStore, 'registerAt'>;
  readonly onMoved: (move: Move) => void;
  /** Ends them all. */
  readonly stopped: AbortSignal;
}

/** Each needs two connections for a moment and one until it is read, of a pool that the calls need too. */
const AT_ONCE = 2;
/** How long a reader may pause: its transaction keeps PostgreSQL from cleaning up. */
const IDLE_MS = 60_000;

/** Takes snapshots, a few at a time. See Publisher.snapshot. */
export function createSnapshots(parts: SnapshotParts) {
  const turns = createTurns(AT_ONCE);

  return async (consumer: string, partition: number, signal: AbortSignal): Promise<Snapshot> => {
    const { sql, stopped } = parts;
    const release = await turns.take(AbortSignal.any([signal, stopped]));
    const closing = new AbortController();
    const closed = new Promise((resolve) => closing.signal.addEventListener('abort', resolve));
    const close = (): void => closing.abort();
    for (const each of [signal, stopped]) each.addEventListener('abort', close);
    if (signal.aborted || stopped.aborted) close();
    const idle = setTimeout(close, IDLE_MS);
    const opened = Promise.withResolvers<Snapshot>();
    sql
      .withConnection(async (reader) => {
        const position = await freeze(parts, reader, consumer, partition);
        opened.resolve({ position, events: stream(parts, reader, partition, { closing, idle }) });
        await closed;
      })
      .catch(opened.reject)
      .finally(() => {
        clearTimeout(idle);
        for (const each of [signal, stopped]) each.removeEventListener('abort', close);
        release();
      });
    return opened.promise;
  };
}

/**
 * Begins a transaction on `reader` that sees exactly what the log says up to a position, which it returns. For this,
 * one transaction moves everything that it sees to the log, while nobody else may; and hands on what it sees. Writers
 * don't wait for it: what they commit meanwhile is not seen, and moved later.
 */
async function freeze(
  { sql, source, log, consumers, onMoved }: SnapshotParts,
  reader: Queryable,
  consumer: string,
  partition: number,
): Promise<bigint> {
  await reader.unsafe(`set idle_in_transaction_session_timeout = ${IDLE_MS}`);
  // Most of it beforehand: others' turns wait for the one below.
  await moveAll(() => log.move(AT_MOST, 0n, 0), onMoved);
  const rest: Move[] = [];
  const position = await sql.begin(async (tx) => {
    await tx.unsafe('set transaction isolation level repeatable read');
    // This alone takes no snapshot yet.
    await tx.unsafe('lock table event_log_lock in exclusive mode');
    await moveAll(
      () => move(tx, source, AT_MOST, 0n, 0),
      (moved) => rest.push(moved),
    );
    const last = await lastPosition(tx);
    // Before the commit nothing can come after the position, and so nothing be removed there.
    await consumers.registerAt(reader, consumer, partition, last);
    const [exported] = await tx<[{ id: string }]>`select pg_export_snapshot() as id`;
    await reader.unsafe('begin isolation level repeatable read, read only');
    // No parameter is allowed there.
    await reader.unsafe(`set transaction snapshot '${exported.id.replaceAll(/[^0-9A-F-]/g, '')}'`);
    return last;
  });
  rest.forEach(onMoved);
  return position;
}

async function moveAll(run: () => Promise<Move>, onMoved: (move: Move) => void): Promise<void> {
  for (let moved = AT_MOST; moved === AT_MOST; ) {
    const done = await run();
    ({ moved } = done);
    onMoved(done);
  }
}

async function* stream(
  { source, read }: SnapshotParts,
  reader: Transaction,
  partition: number,
  { closing, idle }: { readonly closing: AbortController; readonly idle: NodeJS.Timeout },
): AsyncGenerator<readonly Event[]> {
  const time = Date.now() / 1_000;
  try {
    for await (const found of read(reader, partition)) {
      const events = found.map((event) => toEvent(source, { ...event, position: 0n, time }));
      for (const batch of inBatches(events)) {
        if (closing.signal.aborted) break;
        idle.refresh();
        yield batch;
      }
      // Not a quiet end: it would look as if that were all.
      if (closing.signal.aborted) throw ended();
    }
  } catch (error) {
    throw closing.signal.aborted ? ended() : error;
  } finally {
    closing.abort();
  }
}

function* inBatches(events: readonly Event[]): Generator<readonly Event[]> {
  let batch: Event[] = [];
  let bytes = 0;
  for (const event of events) {
    batch.push(event);
    bytes += sizeOf(event);
    if (batch.length < BATCH.events && bytes < BATCH.bytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

const ended = () =>
  fail('UNAVAILABLE', 'SNAPSHOT_ENDED', 'The snapshot was given up before its end. Take another one.', {
    retryAfterMs: 1_000,
  });
