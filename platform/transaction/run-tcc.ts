import { FIRST_EPOCH, type OpenTransaction, type TransactionRef } from './log.ts';
import { ABANDONED, type Ending, type Failure, failureOf, INTERRUPTED, type Outcome } from './outcome.ts';
import type { Runtime } from './runtime.ts';
import { attempt, newTally, settle, type Tally } from './steps.ts';

/** One participant's part in a TCC transaction. Each function may be called again, and in any order. */
export interface TccBranch<Input> {
  /** What it is about: `stock`. */
  readonly name: string;
  /** Sets aside what is needed, so that confirming can't fail for want of it. */
  try(transaction: TransactionRef, input: Input): Promise<Outcome>;
  /** Makes use of what the try set aside. */
  confirm(transaction: TransactionRef): Promise<Outcome>;
  /** Gives back what the try set aside, or will when it arrives late. */
  cancel(transaction: TransactionRef): Promise<Outcome>;
}

/** A kind of transaction that happens on all its branches or on none: try, then confirm or cancel. */
export interface Tcc<Input, Result> {
  readonly kind: string;
  readonly branches: readonly TccBranch<Input>[];
  /** The decision for it, in one commit with what it is about, if it is RUNNING; else undefined. */
  commit(transaction: TransactionRef, input: Input): Promise<Result | undefined>;
  /** The decision against it, in one commit with what it is about, if it is RUNNING; else false. */
  rollBack(transaction: TransactionRef, failure: Failure): Promise<boolean>;
}

/**
 * Runs a transaction whose RUNNING row is committed: all tries at once, then the decision. One that was left behind may
 * be run again, by whoever has taken it over: the tries are repeated then. Confirms run after this
 * returns, cancels before, unless they take long.
 *
 * Guarantees, at any crash and any loss, delay or repetition of messages: when this says committed, all branches will
 * be confirmed; when it says rolled back, all will be cancelled, those included whose try was never answered or is
 * still on its way. When the decision's commit fails, nobody knows how it went: this rejects and touches nothing more,
 * and the recovery reads what was decided.
 */
export async function runTcc<Input, Result>(
  runtime: Runtime,
  tcc: Tcc<Input, Result>,
  transaction: TransactionRef,
  input: Input,
): Promise<Ending<Result>> {
  const { observer, clock } = runtime;
  const tally = newTally(tcc.kind, clock.now());
  if (transaction.epoch === FIRST_EPOCH) observer.started(tcc.kind);
  const tries = tcc.branches.map((branch) =>
    attempt(runtime, transaction, tally, {
      name: `${branch.name} try`,
      run: () => branch.try(transaction, input),
    }),
  );
  const failures = (await Promise.all(tries)).map(failureOf).filter((failure) => failure !== undefined);
  if (failures.length === 0) {
    const result = await tcc.commit(transaction, input);
    if (result === undefined) return { kind: 'overtaken' };
    runtime.background.add(settleTcc(runtime, tcc, transaction, true, tally));
    return { kind: 'committed', result };
  }

  // A refusal tells the client more than a fault beside it: repeating won't help.
  const failure = (failures.find(({ reason }) => reason !== INTERRUPTED) ?? failures[0]) as Failure;
  if (!(await tcc.rollBack(transaction, failure))) return { kind: 'overtaken' };
  await runtime.background.soon(settleTcc(runtime, tcc, transaction, false, tally));
  return { kind: 'rolled-back', failure };
}

/** Brings a transaction that was left behind to its end: one that is undecided does not happen. */
export async function resumeTcc<Input, Result>(
  runtime: Runtime,
  tcc: Tcc<Input, Result>,
  transaction: OpenTransaction,
): Promise<void> {
  // False: the former owner is alive after all and decided just now. It goes on, or leaves the rest to a takeover.
  if (transaction.state === 'RUNNING' && !(await tcc.rollBack(transaction, ABANDONED))) return;
  const tally = newTally(tcc.kind, runtime.clock.now() - transaction.ageMs);
  await settleTcc(runtime, tcc, transaction, transaction.state === 'COMMITTING', tally);
}

/** Confirms or cancels all branches of a decided transaction. */
function settleTcc<Input, Result>(
  runtime: Runtime,
  { branches }: Tcc<Input, Result>,
  transaction: TransactionRef,
  committing: boolean,
  tally: Tally,
): Promise<void> {
  const steps = branches.map((branch) => [
    {
      name: `${branch.name} ${committing ? 'confirm' : 'cancel'}`,
      run: () => (committing ? branch.confirm(transaction) : branch.cancel(transaction)),
    },
  ]);
  return settle(runtime, transaction, committing ? 'committed' : 'rolled_back', tally, steps);
}
