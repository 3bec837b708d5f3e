import { ATTRIBUTES } from '../telemetry/names.ts';
import { currentSpan, inSpan, type SpanAttributes } from '../telemetry/span.ts';
import { parseTraceparent } from '../telemetry/trace.ts';
import { type TransactionRef, traceIdOf } from './log.ts';
import type { Direction } from './observer.ts';
import { type Attempt, failureOf, type Outcome } from './outcome.ts';
import type { Runtime } from './runtime.ts';

/** How the steps of one transaction went in this process. */
export interface Tally {
  readonly kind: string;
  /** When the transaction began, in milliseconds since the epoch. */
  readonly since: number;
  attempts: number;
  lastError: string;
}

/** What is asked of one participant. */
export interface Step {
  /** What it is about, and what is done: `stock try`. */
  readonly name: string;
  run(): Promise<Outcome>;
}

/** A tally of nothing so far. */
export const newTally = (kind: string, since: number): Tally => ({ kind, since, attempts: 0, lastError: '' });

/** How long a step that must succeed is repeated here before it is left to the recovery. */
const PERSIST_MS = 3_000;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

/** Tries a step once, as a span in the transaction's trace. Never rejects. */
export async function attempt(
  runtime: Runtime,
  transaction: TransactionRef,
  tally: Tally,
  step: Step,
): Promise<Attempt> {
  tally.attempts++;
  let result: Attempt;
  const attributes: SpanAttributes = {
    [ATTRIBUTES.transactionId]: transaction.id,
    [ATTRIBUTES.transactionKind]: tally.kind,
    [ATTRIBUTES.step]: step.name,
  };
  try {
    result = await inSpan(
      currentSpan() ?? parseTraceparent(transaction.traceparent),
      () => ({ name: `${tally.kind}: ${step.name}`, kind: 'internal', attributes }),
      async () => {
        const outcome = await step.run();
        if (outcome.kind !== 'done') attributes[ATTRIBUTES.reason] = outcome.reason;
        return outcome;
      },
    );
  } catch (cause) {
    result = { kind: 'unknown', cause };
  }
  if (result.kind === 'conflict') runtime.observer.conflict(tally.kind, result.reason);
  tally.lastError = failureOf(result)?.error ?? tally.lastError;
  return result;
}

/**
 * Repeats a step that must succeed, because its transaction is decided, until it does, with growing pauses and
 * jitter. False when it did not get through in PERSIST_MS, or at an answer that contradicts the decision, which no
 * quick repeat can cure: the recovery repeats those more slowly, for ever, and operators see them.
 */
async function persist(
  runtime: Runtime,
  transaction: TransactionRef,
  tally: Tally,
  step: Step,
): Promise<boolean> {
  const { clock, random, log } = runtime;
  const end = clock.now() + PERSIST_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const result = await attempt(runtime, transaction, tally, step);
    if (result.kind === 'done') return true;
    const err = result.kind === 'unknown' ? result.cause : undefined;
    const traceId = traceIdOf(transaction);
    const facts = { traceId, transactionId: transaction.id, lastError: tally.lastError, err };
    if (result.kind !== 'unknown') {
      log.error(facts, 'a decided transaction met an answer that contradicts it');
      return false;
    }
    if (clock.now() + pause > end) {
      log.warn(facts, 'a decided transaction is left to the recovery');
      return false;
    }
    await clock.sleep(pause * (0.5 + random() / 2));
  }
}

/**
 * Does what follows the decision, and notes how far that came: the steps of one group one after the other, the groups
 * at the same time. Sent by whoever believes to own the transaction, so perhaps by two at once: each step may be
 * repeated, and all go the way that the one decision went.
 */
export async function settle(
  runtime: Runtime,
  transaction: TransactionRef,
  direction: Direction,
  tally: Tally,
  groups: readonly (readonly Step[])[],
): Promise<void> {
  const through = await Promise.all(
    groups.map(async (steps) => {
      for (const step of steps) if (!(await persist(runtime, transaction, tally, step))) return false;
      return true;
    }),
  );
  const done = through.every(Boolean);
  const { id, epoch } = transaction;
  const { kind, since, attempts, lastError } = tally;
  const ended = await runtime.transactions.progress({ id, epoch, done, attempts, lastError });
  if (ended) runtime.observer.ended(kind, direction, Math.max(0, runtime.clock.now() - since) / 1_000);
}
