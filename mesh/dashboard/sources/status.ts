/** gRPC's statuses by number. */
export const STATUSES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

const FAULTS: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'RESOURCE_EXHAUSTED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/**
 * What a status means for the shop: `failed` where it is the shop's fault, `refused` where it answered as it should to
 * a caller who was wrong, or went away.
 */
export function outcomeOf(status: string): 'ok' | 'refused' | 'failed' {
  if (status === 'OK') return 'ok';
  return FAULTS.has(status) ? 'failed' : 'refused';
}

/** The same name in Envoy's spelling (`DeadlineExceeded`, `OK`, a number of its own) as gRPC's. */
export function statusName(name: string): string {
  const code = Number(name);
  if (Number.isInteger(code)) return STATUSES[code] ?? 'UNKNOWN';
  // The one word that the two spell differently.
  if (name === 'Canceled') return 'CANCELLED';
  return name === 'OK' ? name : name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
}
