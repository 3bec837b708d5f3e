import type { MethodRoute } from './contract.ts';
import { anyService, clusterOf } from './names.ts';
import { milliseconds, type Resource, typed } from './resource.ts';

/** Headers by which one service proves itself to another: nothing from outside may carry them. */
const serviceIdentityHeaders = ['x-souk-service', 'x-souk-service-token'];

/** Routes of the gateway: the methods that the contract opens to users, and how to explore them. */
export function gatewayRoutes(contract: readonly MethodRoute[], corsOrigin: string): Resource {
  const open = contract.filter((method) => !method.internal);
  return {
    name: 'gateway',
    request_headers_to_remove: serviceIdentityHeaders,
    virtual_hosts: [
      {
        name: 'gateway',
        domains: ['*'],
        typed_per_filter_config: { 'envoy.filters.http.cors': cors(corsOrigin) },
        include_request_attempt_count: true,
        routes: [...healthRoutes(open), ...reflectionRoutes(), ...open.map(methodRoute), unknownMethod],
      },
    ],
  };
}

/** Routes of calls between services: all methods; who may call what is checked by the callee. */
export function internalRoutes(contract: readonly MethodRoute[]): Resource {
  return {
    name: 'internal',
    virtual_hosts: [
      {
        name: 'internal',
        domains: ['*'],
        include_request_attempt_count: true,
        routes: [...contract.map(methodRoute), unknownMethod],
      },
    ],
  };
}

/** One method: where it goes, how long it may take, and whether it may be tried again. */
export function methodRoute({ path, service, timeoutMs, retryable }: MethodRoute): Resource {
  return {
    match: { path },
    route: {
      cluster: clusterOf(service),
      ...deadline(timeoutMs),
      ...(retryable ? { retry_policy: retryPolicy(timeoutMs) } : {}),
    },
  };
}

/**
 * Whichever is shorter, the contract's bound or the client's own `grpc-timeout`. It is kept as a stream duration,
 * and not as a route timeout, because that one answers gRPC callers UNAVAILABLE, which they may take for a reason
 * to try again; this one answers DEADLINE_EXCEEDED.
 */
function deadline(timeoutMs: number): Resource {
  const bound = milliseconds(timeoutMs);
  return {
    timeout: '0s',
    // Streams without a bound live as long as their caller, however quiet they are.
    ...(timeoutMs === 0 ? { idle_timeout: '0s' } : {}),
    max_stream_duration: { max_stream_duration: bound, grpc_timeout_header_max: bound },
  };
}

function retryPolicy(timeoutMs: number): Resource {
  return {
    retry_on: 'connect-failure,refused-stream,reset,unavailable',
    num_retries: 2,
    // An instance that accepts calls and never answers costs half the time, not all of it.
    ...(timeoutMs === 0 ? {} : { per_try_timeout: milliseconds(timeoutMs / 2) }),
    retry_host_predicate: [
      {
        name: 'envoy.retry_host_predicates.previous_hosts',
        typed_config: typed('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate'),
      },
    ],
    // A dead instance has no calls under way, so "least request" likes it best: with two instances it is picked
    // three times in four, until health checks or ejection catch up. Hence many tries to pick another.
    host_selection_retry_max_attempts: 32,
    retry_back_off: { base_interval: '0.01s', max_interval: '0.1s' },
  };
}

/**
 * Health of one service goes to that service: the health filter has put the asked name into a header. Without a
 * name any live instance answers.
 */
function healthRoutes(contract: readonly MethodRoute[]): Resource[] {
  const prefix = '/grpc.health.v1.Health/';
  const unbounded = { timeout: '0s', idle_timeout: '0s' };
  const services = [...new Set(contract.map(({ service }) => service))];
  return [
    ...services.map((service) => ({
      match: {
        prefix,
        headers: [{ name: 'x-souk-health-of', string_match: { prefix: `shop.${service}.` } }],
      },
      route: { cluster: clusterOf(service), ...unbounded },
      typed_per_filter_config: healthFilterOn,
    })),
    {
      match: { prefix },
      route: { cluster: anyService, ...unbounded },
      typed_per_filter_config: healthFilterOn,
    },
  ];
}

const healthFilterOn = {
  'souk.health_by_name': typed('envoy.config.route.v3.FilterConfig', {
    config: typed('envoy.extensions.filters.http.lua.v3.LuaPerRoute', { name: 'health' }),
  }),
};

/** Every instance describes the whole contract, so any live one may answer. */
function reflectionRoutes(): Resource[] {
  return ['v1', 'v1alpha'].map((version) => ({
    match: { prefix: `/grpc.reflection.${version}.ServerReflection/` },
    route: { cluster: anyService, timeout: '0s', idle_timeout: '300s' },
  }));
}

/** 404 becomes UNIMPLEMENTED for gRPC callers. */
const unknownMethod: Resource = {
  match: { prefix: '/' },
  direct_response: { status: 404, body: { inline_string: 'no such method' } },
};

function cors(origin: string): Resource {
  return typed('envoy.extensions.filters.http.cors.v3.CorsPolicy', {
    allow_origin_string_match: [{ safe_regex: { regex: origin } }],
    allow_methods: 'GET, POST, OPTIONS',
    allow_headers:
      'authorization, content-type, grpc-timeout, traceparent, tracestate, x-grpc-web, x-request-id, x-user-agent',
    expose_headers: 'grpc-message, grpc-status, grpc-status-details-bin, x-request-id',
    max_age: '86400',
  });
}
