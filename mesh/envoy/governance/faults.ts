import { type Resource, typed } from '../resource.ts';

/**
 * Lets a test spoil calls between services while they run. It does nothing until setFaults; a shop that is not
 * started with `faults` hasn't got it.
 */
export const faultFilter: Resource = {
  name: 'envoy.filters.http.fault',
  typed_config: typed('envoy.extensions.filters.http.fault.v3.HTTPFault', {
    // The percentages, and how long the delay is, are overridden by the runtime keys below.
    delay: { fixed_delay: '1s', percentage: { numerator: 0, denominator: 'HUNDRED' } },
    abort: { grpc_status: 14, percentage: { numerator: 0, denominator: 'HUNDRED' } },
  }),
};

/** The layer that makes the runtime keys settable through the admin port. */
export const faultRuntime: Resource = { name: 'faults', admin_layer: {} };

/** What happens to calls between services. */
export interface Faults {
  /** Of 100 calls, how many wait before they are sent on. */
  readonly delayPercent: number;
  readonly delayMs: number;
  /** Of 100 calls, how many are not sent on, and answered UNAVAILABLE. */
  readonly abortPercent: number;
}

/** Nothing is spoilt. */
export const noFaults: Faults = { delayPercent: 0, delayMs: 1, abortPercent: 0 };

/** Changes what happens from now on. An Envoy that starts anew begins with {@link noFaults}. */
export async function setFaults(adminUrl: string, faults: Faults): Promise<void> {
  const keys = new URLSearchParams({
    'fault.http.delay.fixed_delay_percent': String(faults.delayPercent),
    'fault.http.delay.fixed_duration_ms': String(faults.delayMs),
    'fault.http.abort.abort_percent': String(faults.abortPercent),
  });
  const answer = await fetch(`${adminUrl}/runtime_modify?${keys}`, { method: 'POST' });
  if (!answer.ok) throw new Error(`Envoy refused the faults: ${await answer.text()}`);
}
