import type { OpenTransaction } from '../store/transaction-store.ts';
import { ABANDONED, type Ending, failureOf, type Outcome, type TransactionRef } from './outcome.ts';
import { attempt, persist, type Runtime, type Tally } from './steps.ts';

/** One step of a saga. It may be run again. */
export interface SagaStep<Input> {
  /** Whether there is anything to do. */
  needed(input: Input): boolean;
  run(transaction: TransactionRef, input: Input): Promise<Outcome>;
}

/** A step before the pivot. */
export interface CompensatableStep<Input> extends SagaStep<Input> {
  /** Undoes the step, whether or not it ran; one that arrives later must not take effect. */
  undo(transaction: TransactionRef, input: Input): Promise<Outcome>;
}

/** A kind of transaction as a sequence of steps, of which one, the pivot, decides. */
export interface Saga<Input, Change, Result> {
  readonly kind: string;
  /** Run in their order, undone in the reverse one. */
  readonly compensatable: readonly CompensatableStep<Input>[];
  /** The decision, in one commit with the change itself. Undefined: decided against, because it no longer fits. */
  pivot(transaction: TransactionRef, change: Change): Promise<Result | undefined>;
  /** Run in their order, each until it succeeds. None may be refused. */
  readonly retriable: readonly SagaStep<Input>[];
}

/**
 * Runs a saga. With compensatable steps its RUNNING row must be committed before; without, the pivot makes the row.
 * Waits for what follows the decision, unless that takes long. When the pivot fails its outcome is unknown, so this
 * rejects and touches nothing more; the recovery reads what was decided.
 */
export async function runSaga<Input, Change, Result>(
  runtime: Runtime,
  saga: Saga<Input, Change, Result>,
  transaction: TransactionRef,
  input: Input,
  change: Change,
): Promise<Ending<Result>> {
  const tally: Tally = { attempts: 0, lastError: '' };
  for (const step of saga.compensatable.filter((each) => each.needed(input))) {
    const failure = failureOf(await attempt(tally, () => step.run(transaction, input)));
    if (failure === undefined) continue;
    if (!(await runtime.transactions.rollBack(transaction.id, failure.error))) return { kind: 'overtaken' };
    await runtime.background.soon(settle(runtime, saga, transaction, input, false, tally));
    return { kind: 'rolled-back', failure };
  }

  const result = await saga.pivot(transaction, change);
  if (result !== undefined || saga.compensatable.length > 0)
    await runtime.background.soon(settle(runtime, saga, transaction, input, result !== undefined, tally));
  return result === undefined ? { kind: 'overtaken' } : { kind: 'committed', result };
}

/** Brings a saga that was left behind to its end: one that is undecided is undone. */
export async function resumeSaga<Input, Change, Result>(
  runtime: Runtime,
  saga: Saga<Input, Change, Result>,
  transaction: OpenTransaction,
  input: Input,
): Promise<void> {
  const { id, state } = transaction;
  if (state === 'RUNNING' && !(await runtime.transactions.rollBack(id, ABANDONED.error))) return;
  const tally: Tally = { attempts: 0, lastError: '' };
  await settle(runtime, saga, transaction, input, state === 'COMMITTING', tally);
}

/** Does what follows the decision, and notes how far that came. */
async function settle<Input, Change, Result>(
  runtime: Runtime,
  saga: Saga<Input, Change, Result>,
  transaction: TransactionRef,
  input: Input,
  committing: boolean,
  tally: Tally,
): Promise<void> {
  const steps = committing
    ? saga.retriable.filter((step) => step.needed(input)).map((step) => () => step.run(transaction, input))
    : saga.compensatable
        .filter((step) => step.needed(input))
        .map((step) => () => step.undo(transaction, input))
        .reverse();
  let done = true;
  for (const step of steps) {
    done = await persist(runtime, transaction, tally, step);
    if (!done) break;
  }
  await runtime.transactions.progress({ id: transaction.id, done, ...tally });
}
