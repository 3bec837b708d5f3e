import { tryTimeoutMs } from '../contract/retry.ts';
import type { MethodRoute } from './contract.ts';
import { highPriority } from './governance/circuit-breakers.ts';
import { privateAnswerHeaders, retryPolicy } from './governance/retries.ts';
import { deadline } from './governance/timeouts.ts';
import { anyService, clusterOf } from './names.ts';
import { type Resource, typed } from './resource.ts';

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
        response_headers_to_remove: privateAnswerHeaders,
        routes: [...healthRoutes(open), ...reflectionRoutes(), ...open.map(outsideRoute), unknownMethod],
      },
    ],
  };
}

/**
 * Routes of calls between services: all methods; who may call what is checked by the callee.
 *
 * @param treatment more that all of the methods' routes have
 */
export function internalRoutes(contract: readonly MethodRoute[], treatment: Resource = {}): Resource {
  return {
    name: 'internal',
    virtual_hosts: [
      {
        name: 'internal',
        domains: ['*'],
        include_request_attempt_count: true,
        response_headers_to_remove: privateAnswerHeaders,
        routes: [...contract.map((method) => methodRoute(method, treatment)), unknownMethod],
      },
    ],
  };
}

const outsideRoute = (method: MethodRoute) => methodRoute(method, method.streaming ? highPriority : {});

/** One method: where it goes, how long it may take, whether it may be tried again, and what its `treatment` adds. */
export function methodRoute(method: MethodRoute, treatment: Resource = {}): Resource {
  return {
    match: { path: method.path },
    route: {
      cluster: clusterOf(method.service),
      ...deadline(method.timeoutMs),
      ...treatment,
      ...(method.retryable ? { retry_policy: retryPolicy(tryTimeoutMs(method)) } : {}),
    },
  };
}

/**
 * Health of one service goes to that service: the health filter has put the asked name into a header. Without a
 * name any live instance answers.
 */
function healthRoutes(contract: readonly MethodRoute[]): Resource[] {
  const prefix = '/grpc.health.v1.Health/';
  const unbounded = { timeout: '0s', idle_timeout: '0s', ...highPriority };
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
    route: { cluster: anyService, timeout: '0s', idle_timeout: '300s', ...highPriority },
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
