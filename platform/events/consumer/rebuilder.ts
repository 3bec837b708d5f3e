import { DomainError } from '../../errors.ts';
import { backoffMs } from './backoff.ts';
import { createBell, pause } from './bell.ts';
import type { PublisherContext } from './publisher-context.ts';
import { rebuild } from './rebuild.ts';

/** Rebuilds the copies of those of an instance's partitions that need it. */
export interface Rebuilder {
  /** Says which partitions to rebuild. */
  assign(partitions: readonly number[]): void;
  /** Rebuilds until `stopping`, and resolves when nothing is under way. */
  run(stopping: AbortSignal): Promise<void>;
}

const PAUSES = { firstMs: 500, mostMs: 30_000 };

/** The rebuilder of one publisher's copies: one partition at a time, others go on meanwhile. */
export function createRebuilder(context: PublisherContext): Rebuilder {
  const { log, refresh } = context;
  const { publisher } = context.catalogue;
  const assigned = createBell();
  const waiting = new Set<number>();
  /** How often each partition has failed. */
  const failures = new Map<number, number>();

  async function next(partition: number, stopping: AbortSignal): Promise<void> {
    waiting.delete(partition);
    try {
      await rebuild(context, partition, stopping);
      failures.delete(partition);
      refresh();
    } catch (error) {
      if (stopping.aborted) return;
      const failed = (failures.get(partition) ?? 0) + 1;
      failures.set(partition, failed);
      const level = error instanceof DomainError && error.kind === 'UNAVAILABLE' ? 'warn' : 'error';
      if (failed === 1) log[level]({ err: error, publisher, partition }, 'copies could not be rebuilt');
      // Behind the others, which don't have to wait for as long.
      const pauseMs = backoffMs(PAUSES, waiting.size > 0 ? 1 : failed);
      waiting.add(partition);
      await pause(pauseMs, stopping);
    }
  }

  return {
    assign(partitions) {
      for (const partition of waiting) if (!partitions.includes(partition)) waiting.delete(partition);
      for (const partition of partitions) waiting.add(partition);
      if (waiting.size > 0) assigned.ring();
    },

    async run(stopping) {
      while (!stopping.aborted) {
        const [partition] = waiting;
        if (partition === undefined) await assigned.wait(Number.POSITIVE_INFINITY, stopping);
        else await next(partition, stopping);
      }
    },
  };
}
