import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { describeError } from './describe-error.ts';

/** Structured log, one JSON object a line. */
export type Logger = PinoLogger;

/** Where a log says it comes from, and what it holds back. */
export interface LoggerOptions {
  readonly service: string;
  readonly instance: string;
  /** A pino level name. */
  readonly level: string;
}

// A safety net under the rule that none of these is ever handed to the log.
const SECRET_KEYS = [
  'authorization',
  'password',
  'passwordHash',
  'token',
  'refreshToken',
  'accessToken',
  'secret',
  'email',
];

/** A logger that writes JSON lines on stdout. `err` holds an error; see {@link describeError}. */
export function createLogger(options: LoggerOptions, destination?: DestinationStream): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service, instance: options.instance },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    redact: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]),
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
}
