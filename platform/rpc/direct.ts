import type { DescService } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';

/**
 * Whether a target names the instances themselves (`ipv4:10.0.0.1:80,10.0.0.2:80`): then there is no proxy on the way
 * that would try again what fails.
 */
export const isDirect = (target: string): boolean => /^ipv[46]:/.test(target);

/**
 * gRPC's service config for calls without a proxy: round robin, and two more attempts at unary methods that the
 * contract calls idempotent when an instance is UNAVAILABLE. Throttled: while more than one call in ten fails, nothing
 * is tried again, so that retries don't add to an overload.
 *
 * https://github.com/grpc/grpc/blob/master/doc/service_config.md
 */
export function directServiceConfig(service: DescService): object {
  const retryable = service.methods.filter(
    ({ methodKind, idempotency }) =>
      methodKind === 'unary' &&
      (idempotency === Idempotency.NO_SIDE_EFFECTS || idempotency === Idempotency.IDEMPOTENT),
  );
  return {
    ...roundRobin,
    retryThrottling: { maxTokens: 100, tokenRatio: 0.1 },
    methodConfig: [
      {
        name: retryable.map((method) => ({ service: service.typeName, method: method.name })),
        retryPolicy: {
          maxAttempts: 3,
          initialBackoff: '0.01s',
          maxBackoff: '0.1s',
          backoffMultiplier: 2,
          retryableStatusCodes: ['UNAVAILABLE'],
        },
      },
    ],
  };
}

/** gRPC's service config for calls through a proxy, which tries again by itself. */
export const roundRobin = { loadBalancingConfig: [{ round_robin: {} }] };
