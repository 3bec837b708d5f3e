import { DomainError } from '../errors.ts';

/** What a participant made of one branch. A call whose outcome is unknown throws instead. */
export type Outcome =
  | { readonly kind: 'done' }
  /** A business rule stands against it; nothing changed. */
  | { readonly kind: 'refused'; readonly reason: string; readonly subject: string }
  /** It doesn't fit what the branch did before: a try after its cancel, a cancel after its confirm. */
  | { readonly kind: 'conflict'; readonly reason: string };

/** The outcome of a branch that took effect, or had nothing to do. */
export const DONE: Outcome = Object.freeze({ kind: 'done' });

/** The reason of a failure that is technical: a participant that did not answer, a process that died. */
export const INTERRUPTED = 'INTERRUPTED';

/** Why a transaction was decided against. */
export interface Failure {
  /** A participant's reason for refusing, or {@link INTERRUPTED}. */
  readonly reason: string;
  /** What the refusal is about, in the participant's words. Empty: nothing in particular. */
  readonly subject: string;
  /** Status and reason, for operators. */
  readonly error: string;
  readonly cause?: unknown;
}

/** How a transaction came out. */
export type Ending<Result> =
  | { readonly kind: 'committed'; readonly result: Result }
  | { readonly kind: 'rolled-back'; readonly failure: Failure }
  /** Somebody else decided it: the recovery, or whoever held it before. Read how. */
  | { readonly kind: 'overtaken' };

/** An outcome, or that there is none: the step may or may not have taken effect. */
export type Attempt = Outcome | { readonly kind: 'unknown'; readonly cause: unknown };

/** The failure of a transaction that a process left undecided when it died. */
export const ABANDONED: Failure = { reason: INTERRUPTED, subject: '', error: 'ABANDONED' };

/** What a step that isn't done means for its transaction. Undefined: it is done. */
export function failureOf(attempt: Attempt): Failure | undefined {
  switch (attempt.kind) {
    case 'done':
      return undefined;
    case 'refused': {
      const { reason, subject } = attempt;
      return { reason, subject, error: `REFUSED ${reason}` };
    }
    case 'conflict':
      return { reason: INTERRUPTED, subject: '', error: `CONFLICT ${attempt.reason}` };
    case 'unknown': {
      const { cause } = attempt;
      const error = cause instanceof DomainError ? `${cause.kind} ${cause.reason}` : 'INTERNAL';
      return { reason: INTERRUPTED, subject: '', error, cause };
    }
  }
}
