import { readFileSync } from 'node:fs';
import type { MethodRoute } from './contract.ts';
import { type RateLimits, rateLimits } from './governance/rate-limits.ts';
import { retryBudget } from './governance/retries.ts';
import { wholeAnswers } from './governance/whole-answers.ts';
import { type Resource, typed } from './resource.ts';
import { callStatistics } from './statistics.ts';

/** The largest message, in bytes, that is turned from JSON; gRPC's own default bound for messages. */
const maxMessageBytes = 4 * 1024 * 1024;

/**
 * What a call passes through in the gateway, in this order: CORS answers browsers' preflights; gRPC-Web and JSON
 * become gRPC; who calls too often is turned away; health checks find their service; statuses are counted; the router
 * sends it on.
 */
export function gatewayFilters(
  descriptorSetFile: string,
  serviceNames: readonly string[],
  rates: RateLimits,
): Resource[] {
  return [
    { name: 'envoy.filters.http.cors', typed_config: typed('envoy.extensions.filters.http.cors.v3.Cors') },
    {
      name: 'envoy.filters.http.grpc_web',
      typed_config: typed('envoy.extensions.filters.http.grpc_web.v3.GrpcWeb'),
    },
    rateLimits(rates),
    transcoder(descriptorSetFile, serviceNames),
    healthByName(),
    callStatistics,
    router,
  ];
}

/** Calls between services are gRPC already. */
export const internalFilters: Resource[] = [
  callStatistics,
  {
    name: 'envoy.filters.http.router',
    typed_config: typed('envoy.extensions.filters.http.router.v3.Router'),
  },
];

/** Between the router and an instance, for calls of the methods that may be tried again. */
export const callFilters = (contract: readonly MethodRoute[]): Resource[] => [
  retryBudget(contract),
  wholeAnswers(contract),
];

const router: Resource = {
  name: 'envoy.filters.http.router',
  typed_config: typed('envoy.extensions.filters.http.router.v3.Router', { suppress_envoy_headers: true }),
};

/** JSON by POST to the method's gRPC path, as in `POST /shop.product.v1.ProductService/GetProduct`. */
function transcoder(descriptorSetFile: string, services: readonly string[]): Resource {
  return {
    name: 'envoy.filters.http.grpc_json_transcoder',
    typed_config: typed('envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder', {
      proto_descriptor: descriptorSetFile,
      services,
      auto_mapping: true,
      // Failures are the JSON form of google.rpc.Status, details included, under the HTTP status of their code.
      convert_grpc_status: true,
      max_request_body_size: maxMessageBytes,
      print_options: {
        // A field at its default is written too: a balance of 0 is not a missing balance.
        always_print_primitive_fields: true,
        // One message a line from streams.
        stream_newline_delimited: true,
      },
    }),
  };
}

function healthByName(): Resource {
  const script = readFileSync(new URL('health-by-name.lua', import.meta.url), 'utf8');
  return {
    name: 'souk.health_by_name',
    // Only on the routes of health checks.
    disabled: true,
    typed_config: typed('envoy.extensions.filters.http.lua.v3.Lua', {
      source_codes: { health: { inline_string: script } },
    }),
  };
}
