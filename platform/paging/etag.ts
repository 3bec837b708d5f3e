import { fail } from '../errors.ts';

/** The etag of a resource's version, which grows by one with each change. Opaque to callers. */
export function formatEtag(version: bigint | number): string {
  return `v${version.toString(36)}`;
}

/**
 * Throws ABORTED, reason ETAG_STALE, unless `etag` is that of `version`. An empty etag asks for no check.
 * Read the version under a lock, or repeat it in the UPDATE's condition: between a plain read and the write
 * another change can slip in.
 */
export function checkEtag(etag: string, version: bigint | number): void {
  if (etag !== '' && etag !== formatEtag(version)) {
    throw fail(
      'ABORTED',
      'ETAG_STALE',
      'The resource has changed since it was read. Read it again, then repeat the change.',
    );
  }
}
