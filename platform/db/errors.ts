import pg from 'pg';

// SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
const UNIQUE_VIOLATION = '23505';
const QUERY_CANCELED = '57014';
/** serialization_failure, deadlock_detected: the same transaction may succeed when repeated. */
const RETRY_TRANSACTION = new Set(['40001', '40P01']);
const READ_ONLY = '25006';
/**
 * admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections, read_only_sql_transaction (the primary is
 * elsewhere); class 08 comes on top.
 */
const SERVER_AWAY = new Set(['57P01', '57P02', '57P03', '53300', READ_ONLY]);
/** Codes of sockets, and the one that asConnectionFailure gives. */
const CONNECTION_LOST = new Set([
  'CONNECTION_LOST',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function violates(error: unknown, sqlstate: string, constraint: string | undefined): boolean {
  if (!(error instanceof pg.DatabaseError) || error.code !== sqlstate) return false;
  return constraint === undefined || error.constraint === constraint;
}

/** A row with this key exists. Of the named constraint only, when it is given. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return violates(error, UNIQUE_VIOLATION, constraint);
}

/** Serialization failure or deadlock: the transaction had no effect and may be repeated. */
export function isSerializationFailure(error: unknown): boolean {
  return RETRY_TRANSACTION.has(codeOf(error) ?? '');
}

/** The statement ran into statement_timeout or was cancelled. */
export function isStatementTimeout(error: unknown): boolean {
  return codeOf(error) === QUERY_CANCELED;
}

/** The server takes no writes: it is a standby, or has become one. The write did not happen. */
export function isReadOnly(error: unknown): boolean {
  return codeOf(error) === READ_ONLY;
}

/** The server can't be reached, went away, takes no more connections or no writes. A write may or may not have happened. */
export function isConnectionFailure(error: unknown): boolean {
  // AggregateError of Node's happy eyeballs: its code is that of the attempts.
  const code = codeOf(error);
  return code !== undefined && (CONNECTION_LOST.has(code) || SERVER_AWAY.has(code) || /^08...$/.test(code));
}

/** feature_not_supported: "cached plan must not change result type"; invalid_sql_statement_name: not prepared here. */
const STALE_STATEMENT = new Set(['0A000', '26000']);

/**
 * Whether the connection that a statement failed on can be used for others: the server has refused the statement and
 * nothing else. After a failure of pg itself, or where what was prepared is stale, the same statement would fail again.
 */
export function leavesConnection(error: unknown): boolean {
  return (
    error instanceof pg.DatabaseError &&
    !isConnectionFailure(error) &&
    !STALE_STATEMENT.has(codeOf(error) ?? '')
  );
}

/** What pg and its pool say of lost connections, and of a pool that has none left, without a code. */
const LOST =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired|timeout exceeded when trying to connect|Query read timeout|Cannot use a pool after calling end)/;

/** Gives the error of a lost connection the code that {@link isConnectionFailure} knows; others stay as they are. */
export function asConnectionFailure(error: unknown): unknown {
  if (error instanceof Error && codeOf(error) === undefined && LOST.test(error.message)) {
    return Object.assign(error, { code: 'CONNECTION_LOST' });
  }
  return error;
}
