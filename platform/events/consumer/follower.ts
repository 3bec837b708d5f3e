import { DomainError, fail } from '../../errors.ts';
import type { Positions } from '../source.ts';
import { backoffMs } from './backoff.ts';
import { createBell, pause } from './bell.ts';
import type { Item } from './catalogue.ts';
import { deliver } from './deliver.ts';
import { gather } from './gather.ts';
import { isMoved } from './position-store.ts';
import { createProgress, type Progress } from './progress.ts';
import type { PublisherContext } from './publisher-context.ts';

/** Follows one publisher's events, in as many partitions as this instance has. */
export interface Follower {
  /** Says which partitions to follow from now on. */
  assign(partitions: readonly number[]): void;
  /** Follows until `stopping`, and resolves when nothing is under way. */
  run(stopping: AbortSignal): Promise<void>;
  /** Up to where the effects are committed. */
  committed(): Positions;
}

const PAUSES = { firstMs: 100, mostMs: 2_000 };
/** For an assignment that is out of date. */
const REFRESH_MS = 100;
/** From one transaction to the next at the least: under load they become fewer and larger. An event alone never waits. */
const PACE_MS = 3;
/** How long positions of events without an effect may be behind. */
const FLUSH_MS = 1_000;
const CHANGED = fail('CANCELLED', 'PARTITIONS_CHANGED', 'Other partitions are followed from now on.');

const isEffective = ({ known, fault }: Item): boolean => known !== undefined || fault !== undefined;

/** The follower of one publisher. */
export function createFollower(context: PublisherContext): Follower {
  const { catalogue, source, positions, instance, refresh, log } = context;
  const { publisher } = catalogue;
  const assigned = createBell();
  let partitions: readonly number[] = [];
  let scope = new AbortController();
  let progress: Progress = createProgress(new Map());
  let failures = 0;

  async function* heard<T>(batches: AsyncIterable<T>): AsyncIterable<T> {
    for await (const batch of batches) {
      if (failures > 0) log.info({ publisher }, 'events are followed again');
      failures = 0;
      yield batch;
    }
  }

  /** Follows from the positions in the database until something fails, or `scope` aborts. */
  async function follow(signal: AbortSignal): Promise<void> {
    progress = createProgress(await positions.read(publisher, instance));
    const from = new Map(progress.committed);
    if (from.size === 0) return;
    const stream = gather(heard(source.follow(from, signal)), catalogue.read, scope);
    let flushedAt = performance.now();
    for (;;) {
      const items = await stream.next(progress.skipped() ? FLUSH_MS : Number.POSITIVE_INFINITY);
      if (items === undefined)
        throw fail('UNAVAILABLE', 'EVENTS_ENDED', 'The publisher has ended the stream.');
      const fresh = progress.fresh(items);
      if (fresh.some(isEffective)) {
        const began = performance.now();
        await deliver(context, fresh, progress, signal);
        await pause(began + PACE_MS - performance.now(), signal);
      } else progress.skip(fresh);
      if (progress.skipped() && performance.now() - flushedAt > FLUSH_MS) {
        await deliver(context, [], progress, signal);
        flushedAt = performance.now();
      }
    }
  }

  /** Does what a stream's end asks for. */
  async function recover(error: unknown, stopping: AbortSignal): Promise<void> {
    if (stopping.aborted || error === CHANGED) return;
    if (isMoved(error)) {
      refresh();
      await assigned.wait(REFRESH_MS, stopping);
    } else if (error instanceof DomainError && error.kind === 'OUT_OF_RANGE') {
      log.warn({ err: error, publisher }, 'the log has not what comes next: the copies are rebuilt');
      await positions.requireRebuild(publisher, progress.committed);
      refresh();
    } else throw error;
  }

  return {
    committed: () => progress.committed,

    assign(next) {
      if (next.length === partitions.length && next.every((each) => partitions.includes(each))) return;
      partitions = next;
      assigned.ring();
      scope.abort(CHANGED);
    },

    async run(stopping) {
      stopping.addEventListener('abort', () => scope.abort(stopping.reason), { once: true });
      while (!stopping.aborted) {
        scope = new AbortController();
        const { signal } = scope;
        try {
          if (partitions.length > 0) await follow(signal);
          await assigned.wait(partitions.length > 0 ? REFRESH_MS : Number.POSITIVE_INFINITY, stopping);
        } catch (error) {
          await recover(signal.aborted ? signal.reason : error, stopping).catch(async (failure: unknown) => {
            failures++;
            const level = failure instanceof DomainError && failure.kind !== 'INTERNAL' ? 'warn' : 'error';
            if (failures === 1) log[level]({ err: failure, publisher }, 'following events is interrupted');
            await assigned.wait(backoffMs(PAUSES, failures), stopping);
          });
        } finally {
          scope.abort(CHANGED);
        }
      }
    },
  };
}
