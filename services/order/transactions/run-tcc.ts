import { INTERRUPTED } from '../domain/rejection.ts';
import type { OpenTransaction } from '../store/transaction-store.ts';
import {
  ABANDONED,
  type Ending,
  type Failure,
  failureOf,
  type Outcome,
  type TransactionRef,
} from './outcome.ts';
import { attempt, persist, type Runtime, type Tally } from './steps.ts';

/** One participant's part in a TCC transaction. Each function may be called again, and in any order. */
export interface TccBranch<Input> {
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
  /** The decision for it, in one commit, if it is RUNNING; else undefined. */
  commit(transaction: TransactionRef): Promise<Result | undefined>;
  /** The decision against it, in one commit, if it is RUNNING; else false. */
  rollBack(transaction: TransactionRef, failure: Failure): Promise<boolean>;
}

/**
 * Runs a transaction whose RUNNING row is committed: all tries at once, then the decision. Confirms run after this
 * returns, cancels before, unless they take long. When the decision itself fails it is unknown, so this rejects and
 * touches nothing more; the recovery reads what was decided.
 */
export async function runTcc<Input, Result>(
  runtime: Runtime,
  tcc: Tcc<Input, Result>,
  transaction: TransactionRef,
  input: Input,
): Promise<Ending<Result>> {
  const tally: Tally = { attempts: 0, lastError: '' };
  const tries = tcc.branches.map((branch) => attempt(tally, () => branch.try(transaction, input)));
  const failures = (await Promise.all(tries)).map(failureOf).filter((failure) => failure !== undefined);
  if (failures.length === 0) {
    const result = await tcc.commit(transaction);
    if (result === undefined) return { kind: 'overtaken' };
    runtime.background.add(settle(runtime, tcc, transaction, true, tally));
    return { kind: 'committed', result };
  }

  // A refusal tells the client more than a fault beside it: repeating won't help.
  const failure = (failures.find(({ reason }) => reason !== INTERRUPTED) ?? failures[0]) as Failure;
  if (!(await tcc.rollBack(transaction, failure))) return { kind: 'overtaken' };
  await runtime.background.soon(settle(runtime, tcc, transaction, false, tally));
  return { kind: 'rolled-back', failure };
}

/** Brings a transaction that was left behind to its end: one that is undecided does not happen. */
export async function resumeTcc<Input, Result>(
  runtime: Runtime,
  tcc: Tcc<Input, Result>,
  transaction: OpenTransaction,
): Promise<void> {
  if (transaction.state === 'RUNNING' && !(await tcc.rollBack(transaction, ABANDONED))) return;
  const committing = transaction.state === 'COMMITTING';
  await settle(runtime, tcc, transaction, committing, { attempts: 0, lastError: '' });
}

/** Confirms or cancels all branches of a decided transaction, and notes how far that came. */
async function settle<Input, Result>(
  runtime: Runtime,
  { branches }: Tcc<Input, Result>,
  transaction: TransactionRef,
  committing: boolean,
  tally: Tally,
): Promise<void> {
  const through = await Promise.all(
    branches.map((branch) =>
      persist(runtime, transaction, tally, () =>
        committing ? branch.confirm(transaction) : branch.cancel(transaction),
      ),
    ),
  );
  await runtime.transactions.progress({ id: transaction.id, done: through.every(Boolean), ...tally });
}
