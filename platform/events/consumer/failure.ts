import pg from 'pg';
import { isConnectionFailure, isSerializationFailure, isStatementTimeout } from '../../db/errors.ts';
import { DomainError, hasReason, type Kind } from '../../errors.ts';
import { UNKNOWN_VERSION } from './catalogue.ts';

/** Kinds that say of a call to another service that it is worth repeating as it is. */
const AWAY = new Set<Kind>(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'CANCELLED']);
/**
 * SQLSTATE: insufficient resources (class 53), system errors (58), lock_not_available, read_only_sql_transaction (a
 * standby) and idle_in_transaction_session_timeout (this process stood still).
 */
const DATABASE_TROUBLE = /^(53...|58...|55P03|25006|25P03)$/;

/**
 * Whether a failure says nothing about the event: the database or a service that is asked is away, or two transactions
 * were in each other's way. It is waited out, however long it takes. A statement's timeout is not among them: it may
 * be the event's fault.
 */
export function isTechnical(error: unknown): boolean {
  if (error instanceof DomainError) return AWAY.has(error.kind);
  if (isConnectionFailure(error) || isSerializationFailure(error)) return true;
  return error instanceof pg.DatabaseError && DATABASE_TROUBLE.test(error.code ?? '');
}

export { isStatementTimeout };

/** What operators are told of a failure: its kind, never a text that may hold data. */
export function nameFailure(error: unknown): string {
  if (hasReason(error, UNKNOWN_VERSION)) return UNKNOWN_VERSION;
  if (error instanceof DomainError) return `${error.kind} ${error.reason}`;
  if (error instanceof pg.DatabaseError) return `SQLSTATE ${error.code}`;
  return error instanceof Error ? error.name : typeof error;
}
