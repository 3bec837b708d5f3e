import type { Metadata } from '@grpc/grpc-js';
import { fail } from '../errors.ts';
import { ANONYMOUS, type Caller } from '../rpc/context.ts';
import type { TokenVerifier } from './access-token.ts';
import { createMeshIdentity, GATEWAY } from './mesh-identity.ts';
import { createServiceTokenCheck, SERVICE_HEADER, SERVICE_TOKEN_HEADER } from './service-token.ts';

/**
 * Tells who calls from the call's metadata, at once where it can. Without credentials: anonymous. With bad ones:
 * throws or rejects with UNAUTHENTICATED (TOKEN_EXPIRED, TOKEN_INVALID, SERVICE_TOKEN_INVALID, NOT_THROUGH_SIDECAR,
 * CALLER_UNKNOWN).
 */
export type Authenticate = (metadata: Metadata) => Caller | Promise<Caller>;

const BEARER = /^bearer +(\S+) *$/i;

/**
 * Accepts access tokens (`authorization: Bearer …`) when there is a `verifier`, and services by one of two proofs: with
 * `sidecarSecret` the mesh's word for their certificate, and then no call is taken that came another way; else their
 * credentials (`x-souk-service`, `x-souk-service-token`), when there are `serviceTokens`. A call that proves to be a
 * service's is that, whatever token it has.
 */
export function createAuthenticate(options: {
  verifier?: TokenVerifier;
  serviceTokens?: ReadonlyMap<string, string>;
  /** Shared with the instance's sidecar. Empty: there is none. */
  sidecarSecret?: string;
}): Authenticate {
  const { verifier, serviceTokens, sidecarSecret = '' } = options;
  const meshIdentity = sidecarSecret === '' ? undefined : createMeshIdentity(sidecarSecret);
  const checkService = serviceTokens && !meshIdentity ? createServiceTokenCheck(serviceTokens) : undefined;

  return (metadata) => {
    if (meshIdentity !== undefined) {
      const name = meshIdentity(metadata);
      if (name !== GATEWAY) return { kind: 'service', name };
    }
    if (checkService !== undefined) {
      const name = metadata.get(SERVICE_HEADER)[0];
      if (name !== undefined)
        return checkService(String(name), String(metadata.get(SERVICE_TOKEN_HEADER)[0] ?? ''));
    }
    if (verifier === undefined) return ANONYMOUS;
    const header = metadata.get('authorization')[0];
    if (header === undefined) return ANONYMOUS;
    const token = BEARER.exec(String(header))?.[1];
    if (token === undefined) {
      throw fail(
        'UNAUTHENTICATED',
        'TOKEN_INVALID',
        'The authorization metadata must be "Bearer <access token>".',
      );
    }
    return verifier.verify(token);
  };
}
