import { makeValidator } from 'envalid';

// The messages complete "NAME …" and never repeat the value: it may be a secret.

function integer(input: string, least: number, most: number): number {
  const number = Number(input);
  if (!/^\d+$/.test(input) || number < least || number > most) {
    throw new Error(`must be a whole number from ${least} to ${most}`);
  }
  return number;
}

/** A host name or address to listen on. */
export const host = makeValidator<string>((input) => {
  if (!/^[\w.:-]+$/.test(input)) throw new Error('must be a host name or an IP address');
  return input;
});

/** A TCP port; 0 is allowed. */
export const port = makeValidator<number>((input) => integer(input, 0, 65_535));

/** A number of things, at least 1. */
export const count = makeValidator<number>((input) => integer(input, 1, 1_000_000));

/** A time in the unit that the variable's name ends in, at least 1. */
export const duration = makeValidator<number>((input) => integer(input, 1, 2 ** 31 - 1));

/** A pino level. */
export const logLevel = makeValidator<string>((input) => {
  const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
  if (!levels.includes(input)) throw new Error(`must be one of ${levels.join(', ')}`);
  return input;
});

/** A name such as order-1. */
export const instance = makeValidator<string>((input) => {
  if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(input))
    throw new Error('must be letters, digits, and . _ - in between');
  return input;
});

/**
 * A postgres:// or postgresql:// URL; several hosts may be given, separated by commas, of which the one that takes
 * writes is used: target_session_attrs may say so too, and nothing else.
 */
export const databaseUrl = makeValidator<string>((input) => {
  if (!/^postgres(ql)?:\/\/[^/\s]+\/[^/\s?]+/.test(input)) {
    throw new Error('must be a URL such as postgres://user:password@host:5432/database');
  }
  const wanted = /[?&]target_session_attrs=([^&]*)/.exec(input)?.[1] ?? 'primary';
  if (!['read-write', 'primary'].includes(wanted)) {
    throw new Error('must have target_session_attrs=read-write or primary, or none: a service writes');
  }
  return input;
});

const HOST_PORT = String.raw`(?:\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}`;
const TARGET = new RegExp(
  `^(?:(?:[a-z][a-z0-9]*:(?:///?)?)?${HOST_PORT}|ipv[46]:${HOST_PORT}(?:,${HOST_PORT})+)$`,
);

/** A nats:// or tls:// URL; several hosts may be given, separated by commas. A user without a password is a token. */
export const brokerUrl = makeValidator<string>((input) => {
  if (!/^(nats|tls):\/\/([^:@/\s]+(:[^:@/\s]+)?@)?[\w.:,[\]-]+$/.test(input))
    throw new Error('must be a URL such as nats://user:password@host:4222');
  return input;
});

/** A gRPC target: host:port, with a scheme such as dns:///host:port, or a list of instances ipv4:host:port,host:port. */
export const address = makeValidator<string>((input) => {
  if (!TARGET.test(input)) throw new Error('must be host:port, or ipv4:host:port,host:port');
  return input;
});

const MIN_SECRET_LENGTH = 16;

/** A shared secret of at least 16 characters. */
export const secret = makeValidator<string>((input) => {
  if (input.length < MIN_SECRET_LENGTH) throw new Error(`must have at least ${MIN_SECRET_LENGTH} characters`);
  return input;
});

/** Secrets by the name of the calling service, from `order=<secret>,user=<secret>`. */
export const serviceTokens = makeValidator<ReadonlyMap<string, string>>((input) => {
  const tokens = new Map<string, string>();
  for (const pair of input.split(',')) {
    const [, name, token] = /^\s*([a-z][a-z0-9-]*)=(\S+?)\s*$/.exec(pair) ?? [];
    if (name === undefined || token === undefined || token.length < MIN_SECRET_LENGTH) {
      throw new Error(
        `must be a list of name=secret, with at least ${MIN_SECRET_LENGTH} characters in each secret`,
      );
    }
    if (tokens.has(name)) throw new Error(`names ${name} twice`);
    tokens.set(name, token);
  }
  return tokens;
});

/** One of some words. */
export const choice = <const Word extends string>(
  words: readonly Word[],
  spec: { default: Word; desc: string },
) =>
  makeValidator<Word>((input) => {
    const found = words.find((word) => word === input);
    if (found === undefined) throw new Error(`must be one of ${words.join(', ')}`);
    return found;
  })(spec);

/** An http:// or https:// URL without a user and a password. */
export const httpUrl = makeValidator<string>((input) => {
  const url = URL.canParse(input) ? new URL(input) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new Error('must be a URL such as http://host:4318');
  return input;
});

/** A part, from 0 to 1. */
export const ratio = makeValidator<number>((input) => {
  const number = Number(input);
  if (!/^[\d.]+$/.test(input) || !(number >= 0 && number <= 1))
    throw new Error('must be a number from 0 to 1');
  return number;
});
