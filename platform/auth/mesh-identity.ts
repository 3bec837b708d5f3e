import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { LRUCache } from 'lru-cache';
import { DomainError, fail } from '../errors.ts';

/** The header by which a sidecar proves to its service that a call came through it. */
export const SIDECAR_HEADER = 'x-souk-sidecar';
/** In which a sidecar says whom its caller's certificate names. It drops what callers send themselves. */
const CALLER_HEADER = 'x-forwarded-client-cert';
/** The workload that lets in everybody's calls: it speaks for nobody. */
export const GATEWAY = 'gateway';

/** The header's one element: `By=…;Hash=…;URI=spiffe://souk.local/ns/souk/sa/order`. A second one would be a comma. */
const CALLER = /^(?:[^,;"]+;)*URI=spiffe:\/\/[\w.-]+\/ns\/[\w-]+\/sa\/([\w-]+)$/;

/** Why a call is refused that the sidecar doesn't vouch for. */
const NOT_THROUGH_SIDECAR = 'NOT_THROUGH_SIDECAR';
const CALLER_UNKNOWN = 'CALLER_UNKNOWN';

/** Whether a call was refused because the sidecar doesn't vouch for it: not even what is open to everybody is open to it. */
export const isUnvouched = (error: unknown): boolean =>
  error instanceof DomainError && (error.reason === NOT_THROUGH_SIDECAR || error.reason === CALLER_UNKNOWN);

/** Certificates are renewed, so that their names come in new headers. */
const REMEMBERED = 64;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Tells which workload's certificate a call came with: the short name of a service, or {@link GATEWAY}. Believed only
 * with the sidecar's secret: whatever else on this machine can reach the service's port can write headers too. Throws
 * UNAUTHENTICATED: NOT_THROUGH_SIDECAR, or CALLER_UNKNOWN when the sidecar names nobody.
 */
export function createMeshIdentity(secret: string): (metadata: Metadata) => string {
  const expected = digest(secret);
  const workloads = new LRUCache<string, string>({ max: REMEMBERED });
  // Remembered, because each call brings the same: a digest costs more than the rest of the check.
  const secrets = new LRUCache<string, true>({ max: 1 });

  return (metadata) => {
    const given = String(metadata.get(SIDECAR_HEADER)[0] ?? '');
    if (!secrets.has(given)) {
      if (!timingSafeEqual(digest(given), expected)) {
        throw fail(
          'UNAUTHENTICATED',
          NOT_THROUGH_SIDECAR,
          "Calls to this service must come through its instance's sidecar.",
        );
      }
      secrets.set(given, true);
    }
    const header = String(metadata.get(CALLER_HEADER)[0] ?? '');
    const known = workloads.get(header) ?? CALLER.exec(header)?.[1];
    if (known === undefined) {
      throw fail('UNAUTHENTICATED', CALLER_UNKNOWN, 'The call came without the name of a workload.');
    }
    workloads.set(header, known);
    return known;
  };
}
