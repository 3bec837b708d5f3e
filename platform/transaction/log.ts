import { parseTraceparent } from '../telemetry/trace.ts';

/** Where a distributed transaction stands. */
export type TransactionState = 'RUNNING' | 'COMMITTING' | 'COMMITTED' | 'ROLLING_BACK' | 'ROLLED_BACK';

/** Whether nothing is left to do in this state. */
export const isFinal = (state: TransactionState): boolean => state === 'COMMITTED' || state === 'ROLLED_BACK';

/** A distributed transaction, and who works on it. */
export interface TransactionRef {
  readonly id: string;
  /** What it is about, by the service's own id of it. */
  readonly entityId: string;
  /** Counts the takeovers: whoever holds an older one than the log was overtaken. */
  readonly epoch: number;
  /** W3C trace context of the call that began it, for all that is done for it, whoever does it. Empty: unknown. */
  readonly traceparent: string;
}

/** The id of the trace that a transaction belongs to, for log lines. Undefined: unknown. */
export const traceIdOf = ({ traceparent }: Pick<TransactionRef, 'traceparent'>): string | undefined =>
  parseTraceparent(traceparent)?.traceId;

/** The epoch of whoever begins a transaction. */
export const FIRST_EPOCH = 0;

/** A distributed transaction, as an operator sees it. */
export interface TransactionRecord {
  readonly id: string;
  readonly kind: string;
  readonly entityId: string;
  readonly state: TransactionState;
  readonly attempts: number;
  readonly lastError: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A transaction that somebody has taken over, to bring it to its end. */
export interface OpenTransaction extends TransactionRef {
  readonly kind: string;
  readonly state: 'RUNNING' | 'COMMITTING' | 'ROLLING_BACK';
  /** What its beginner gave to `start`. */
  readonly input: unknown;
  /** How long ago it began, in milliseconds. */
  readonly ageMs: number;
}

/** A transaction that is about to begin. */
export interface NewTransaction extends Omit<TransactionRef, 'epoch'> {
  readonly kind: string;
  /** Any JSON value that its steps need beside the entity itself. */
  readonly input: unknown;
}

/** How far somebody came with a decided transaction. */
export interface Progress {
  readonly id: string;
  readonly epoch: number;
  /** Whether all its steps are through, so that it takes the final state of its direction. */
  readonly done: boolean;
  /** How many attempts to count on top. */
  readonly attempts: number;
  /** Status and reason of the last failure; empty: none. */
  readonly lastError: string;
}

/**
 * The durable log: one row for each transaction, in the database of the service that coordinates it. Each method is
 * one atomic commit; one that rejects may or may not have happened.
 *
 * The decision for a transaction is no method of the log: it is the service's own commit, that changes the entity and
 * turns the row from RUNNING to COMMITTING. Every decision depends on the row still being RUNNING, so there is exactly
 * one, whoever makes it, and however late.
 */
export interface TransactionLog {
  /** Makes a RUNNING transaction, leased. Its steps may be sent once this is through, not before. */
  start(transaction: NewTransaction): Promise<void>;
  /** Decides against a RUNNING transaction, and leases it. False when it was decided before. */
  rollBack(id: string, error: string): Promise<boolean>;
  /**
   * Notes what was attempted. When all is done, the end: a fact, whoever states it. Otherwise leaves the transaction
   * to the recovery after a pause that grows with the attempts; ignored from an older epoch, because the lease is
   * another's now. True when this call made the end.
   */
  progress(progress: Progress): Promise<boolean>;
  /**
   * Takes over open transactions whose lease has run out, oldest first; of one entity only where it is given. Callers
   * at the same time get different ones.
   */
  claim(limit: number, entityId?: string): Promise<OpenTransaction[]>;
  /**
   * Takes over one open transaction if its lease has run out, or, with `decided`, if it is decided: what follows a
   * decision can be repeated, whoever else is at it. Undefined: it can't be had.
   */
  claimOne(id: string, decided?: boolean): Promise<OpenTransaction | undefined>;
  /** The transaction of this kind about the entity that is COMMITTING, if there is one. */
  findCommitting(kind: string, entityId: string): Promise<string | undefined>;
}

/**
 * How long a transaction is left to whoever works on it, from its beginning and again from its decision. More than a
 * living process needs to decide: two steps, 2 s each at most. What follows may take longer when a participant is away;
 * that two are at it then does no harm.
 */
export const LEASE_SECONDS = 6;
/** The longest pause between two takeovers of a decided transaction that does not get through. */
export const MAX_PAUSE_SECONDS = 30;
