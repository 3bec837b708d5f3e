/** What of an error goes into a log. */
export interface ErrorDescription {
  type: string;
  message: string;
  /** SQLSTATE, or the code of a system or library error. */
  code?: string;
  reason?: string;
  constraint?: string;
  table?: string;
  stack?: string;
  cause?: ErrorDescription;
}

const MAX_CAUSES = 4;
const PATTERN_OF_QUOTED = /"[^"]*"/g;

/**
 * The loggable part of an error and of its causes. Statements, their parameters and PostgreSQL's detail line
 * are left out, because they hold personal data; so are the values that PostgreSQL quotes in the messages of
 * data exceptions (SQLSTATE class 22).
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error).slice(0, 200) };
  const { code, reason, constraint_name, table_name } = error as unknown as Record<string, unknown>;
  const hide = typeof code === 'string' && /^22...$/.test(code);
  const clean = (text: string): string => (hide ? text.replace(PATTERN_OF_QUOTED, '"…"') : text);

  const described: ErrorDescription = { type: error.name, message: clean(error.message) };
  if (code !== undefined) described.code = String(code);
  if (typeof reason === 'string') described.reason = reason;
  if (typeof constraint_name === 'string') described.constraint = constraint_name;
  if (typeof table_name === 'string') described.table = table_name;
  if (error.stack !== undefined) described.stack = clean(error.stack);
  if (error.cause !== undefined && depth < MAX_CAUSES)
    described.cause = describeError(error.cause, depth + 1);
  return described;
}
