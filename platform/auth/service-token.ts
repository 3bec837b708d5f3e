import { createHash, timingSafeEqual } from 'node:crypto';
import { fail } from '../errors.ts';
import type { Caller } from '../rpc/context.ts';

/** Metadata in which a calling service states its name. */
export const SERVICE_HEADER = 'x-souk-service';
/** Metadata in which a calling service proves its name. */
export const SERVICE_TOKEN_HEADER = 'x-souk-service-token';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Checks the secrets of calling services, in a time that tells nothing about them. The check throws
 * UNAUTHENTICATED, reason SERVICE_TOKEN_INVALID, for an unknown name as for a wrong secret.
 */
export function createServiceTokenCheck(
  tokens: ReadonlyMap<string, string>,
): (name: string, token: string) => Caller {
  const known = new Map<string, { expected: Buffer; caller: Caller }>();
  for (const [name, token] of tokens) {
    known.set(name, { expected: digest(token), caller: Object.freeze({ kind: 'service', name }) });
  }
  const nobody = digest('');
  return (name, token) => {
    const entry = known.get(name);
    const matches = timingSafeEqual(digest(token), entry?.expected ?? nobody);
    if (entry !== undefined && matches) return entry.caller;
    throw fail('UNAUTHENTICATED', 'SERVICE_TOKEN_INVALID', 'The service token is not valid.');
  };
}
