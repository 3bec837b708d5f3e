import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../../platform/telemetry/log.ts';
import type { TransactionStore } from '../store/transaction-store.ts';
import type { Background } from './background.ts';
import { type Attempt, failureOf, type Outcome, type TransactionRef } from './outcome.ts';

/** What running transactions takes. */
export interface Runtime {
  readonly transactions: TransactionStore;
  readonly background: Background;
  readonly log: Logger;
}

/** How the steps of one transaction went in this process. */
export interface Tally {
  attempts: number;
  lastError: string;
}

/** How long a step that must succeed is repeated here before it is left to the recovery. */
const PERSIST_MS = 3_000;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

/** Tries a step once. Never rejects. */
export async function attempt(tally: Tally, step: () => Promise<Outcome>): Promise<Attempt> {
  tally.attempts++;
  let result: Attempt;
  try {
    result = await step();
  } catch (cause) {
    result = { kind: 'unknown', cause };
  }
  tally.lastError = failureOf(result)?.error ?? tally.lastError;
  return result;
}

/**
 * Repeats a step that must succeed, because its transaction is decided, until it does, with growing pauses and
 * jitter. False when it did not get through in PERSIST_MS, or at a conflict, which no repeat can cure.
 */
export async function persist(
  runtime: Runtime,
  transaction: TransactionRef,
  tally: Tally,
  step: () => Promise<Outcome>,
): Promise<boolean> {
  const end = performance.now() + PERSIST_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const result = await attempt(tally, step);
    if (result.kind === 'done') return true;
    const err = result.kind === 'unknown' ? result.cause : undefined;
    const facts = { transactionId: transaction.id, lastError: tally.lastError, err };
    if (result.kind !== 'unknown') {
      runtime.log.error(facts, 'a decided transaction met an answer that contradicts it');
      return false;
    }
    if (performance.now() + pause > end) {
      runtime.log.warn(facts, 'a decided transaction is left to the recovery');
      return false;
    }
    await sleep(pause * (0.5 + Math.random() / 2));
  }
}
