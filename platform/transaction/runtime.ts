import { setTimeout as delay } from 'node:timers/promises';
import { uuidv7 } from '../id.ts';
import type { Logger } from '../telemetry/log.ts';
import { type Background, createBackground } from './background.ts';
import type { TransactionLog } from './log.ts';
import type { TransactionObserver } from './observer.ts';

/** Time, as transactions see it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What transactions write to the log of the process. */
export type TransactionLogger = Pick<Logger, 'info' | 'warn' | 'error'>;

/** All that the engine knows of the world, beside the participants. */
export interface Runtime {
  readonly transactions: TransactionLog;
  readonly background: Background;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** An id that no other transaction or entity has. */
  readonly newId: () => string;
  readonly observer: TransactionObserver;
  readonly log: TransactionLogger;
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // A sleep that was cut short has done its work: whoever sleeps looks at the signal.
  sleep: (ms, signal) => delay(ms, undefined, { ...(signal && { signal }) }).catch(() => {}),
};

/** The engine in a process. */
export function createRuntime(
  transactions: TransactionLog,
  observer: TransactionObserver,
  log: TransactionLogger,
): Runtime {
  return {
    transactions,
    background: createBackground(systemClock, log),
    clock: systemClock,
    random: Math.random,
    newId: uuidv7,
    observer,
    log,
  };
}
