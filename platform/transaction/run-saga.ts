import type { OpenTransaction, TransactionRef } from './log.ts';
import { ABANDONED, type Ending, failureOf, type Outcome } from './outcome.ts';
import type { Runtime } from './runtime.ts';
import { attempt, newTally, type Step, settle, type Tally } from './steps.ts';

/** One step of a saga. It may be run again. */
export interface SagaStep<Input> {
  /** What it does: `take stock`. */
  readonly name: string;
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
  /**
   * The decision, in one commit with the change itself: the row RUNNING → COMMITTING, or → ROLLING_BACK when the
   * change no longer fits. Without compensatable steps it makes the row, COMMITTING, or nothing. Undefined: decided
   * against, now or before.
   */
  pivot(transaction: TransactionRef, change: Change, input: Input): Promise<Result | undefined>;
  /** Run in their order, each until it succeeds. None may be refused. */
  readonly retriable: readonly SagaStep<Input>[];
}

/**
 * Runs a saga. With compensatable steps its RUNNING row must be committed before; without, the pivot makes the row.
 * Waits for what follows the decision, unless that takes long.
 *
 * Guarantees, at any crash and any loss, delay or repetition of messages: when this says committed, all retriable
 * steps will take effect once; otherwise all compensatable ones will be undone, those included whose outcome is
 * unknown or that are still on their way. When the pivot's commit fails, nobody knows how it went: this rejects and
 * touches nothing more, and the recovery reads what was decided.
 */
export async function runSaga<Input, Change, Result>(
  runtime: Runtime,
  saga: Saga<Input, Change, Result>,
  transaction: TransactionRef,
  input: Input,
  change: Change,
): Promise<Ending<Result>> {
  const { observer, background, clock, transactions } = runtime;
  const tally = newTally(saga.kind, clock.now());
  const logged = saga.compensatable.length > 0;
  if (logged) observer.started(saga.kind);
  for (const step of saga.compensatable.filter((each) => each.needed(input))) {
    const failure = failureOf(await attempt(runtime, transaction, tally, toRun(step, transaction, input)));
    if (failure === undefined) continue;
    if (!(await transactions.rollBack(transaction.id, failure.error))) return { kind: 'overtaken' };
    await background.soon(settleSaga(runtime, saga, transaction, input, false, tally));
    return { kind: 'rolled-back', failure };
  }

  const result = await saga.pivot(transaction, change, input);
  const committed = result !== undefined;
  if (committed && !logged) observer.started(saga.kind);
  // Undefined may also mean that another had decided: against it, as nobody but its beginner knows the change.
  if (committed || logged)
    await background.soon(settleSaga(runtime, saga, transaction, input, committed, tally));
  return committed ? { kind: 'committed', result } : { kind: 'overtaken' };
}

/** Brings a saga that was left behind to its end: one that is undecided is undone. */
export async function resumeSaga<Input, Change, Result>(
  runtime: Runtime,
  saga: Saga<Input, Change, Result>,
  transaction: OpenTransaction,
  input: Input,
): Promise<void> {
  const { id, state, ageMs } = transaction;
  // False: the former owner is alive after all and decided just now. It goes on, or leaves the rest to a takeover.
  if (state === 'RUNNING' && !(await runtime.transactions.rollBack(id, ABANDONED.error))) return;
  const tally = newTally(saga.kind, runtime.clock.now() - ageMs);
  await settleSaga(runtime, saga, transaction, input, state === 'COMMITTING', tally);
}

/** The retriable steps of a saga that happens, or the undoing of one that doesn't. */
function settleSaga<Input, Change, Result>(
  runtime: Runtime,
  saga: Saga<Input, Change, Result>,
  transaction: TransactionRef,
  input: Input,
  committing: boolean,
  tally: Tally,
): Promise<void> {
  const steps = committing
    ? saga.retriable.filter((step) => step.needed(input)).map((step) => toRun(step, transaction, input))
    : saga.compensatable
        .filter((step) => step.needed(input))
        .map((step): Step => ({ name: `undo ${step.name}`, run: () => step.undo(transaction, input) }))
        .reverse();
  return settle(runtime, transaction, committing ? 'committed' : 'rolled_back', tally, [steps]);
}

const toRun = <Input>(step: SagaStep<Input>, transaction: TransactionRef, input: Input): Step => ({
  name: step.name,
  run: () => step.run(transaction, input),
});
