import { type Resource, typed } from '../resource.ts';

/** How many calls a client may make through the gateway. */
export interface RateLimits {
  /** Calls a second of one access token or, without one, of one address; twice as many at once. */
  readonly perCaller: number;
  /** Calls a second of one address, whatever tokens they bring; twice as many at once. */
  readonly perAddress: number;
}

/** A person clicks once a second. A load test from one machine has many tokens. */
export const usualRates: RateLimits = { perCaller: 500, perAddress: 20_000 };

/** How many callers are told apart; the longest silent is forgotten first. */
const MAX_CALLERS = 10_000;

/** A caller past its rate is refused: refusal.ts. Its calls burden no service. */
export function rateLimits({ perCaller, perAddress }: RateLimits): Resource {
  return {
    name: 'envoy.filters.http.local_ratelimit',
    typed_config: typed('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
      stat_prefix: 'gateway',
      // Of all clients together there is none, but the filter wants one.
      token_bucket: bucket(1_000_000),
      filter_enabled: always,
      filter_enforced: always,
      rate_limits: [
        { actions: [{ request_headers: { header_name: 'authorization', descriptor_key: 'token' } }] },
        {
          actions: [
            {
              header_value_match: {
                descriptor_key: 'anonymous',
                descriptor_value: 'yes',
                headers: [hasNoToken],
              },
            },
            { remote_address: {} },
          ],
        },
        { actions: [{ remote_address: {} }] },
      ],
      // An entry without a value stands for each value, with a bucket of its own.
      descriptors: [
        { entries: [{ key: 'token' }], token_bucket: bucket(perCaller) },
        {
          entries: [{ key: 'anonymous', value: 'yes' }, { key: 'remote_address' }],
          token_bucket: bucket(perCaller),
        },
        { entries: [{ key: 'remote_address' }], token_bucket: bucket(perAddress) },
      ],
      max_dynamic_descriptors: MAX_CALLERS,
      // As UNAVAILABLE it would be tried again.
      rate_limited_as_resource_exhausted: true,
    }),
  };
}

const bucket = (perSecond: number): Resource => ({
  max_tokens: 2 * perSecond,
  tokens_per_fill: Math.max(1, Math.round(perSecond / 20)),
  fill_interval: '0.05s',
});

const always: Resource = { default_value: { numerator: 100, denominator: 'HUNDRED' } };

const hasNoToken: Resource = { name: 'authorization', present_match: true, invert_match: true };
