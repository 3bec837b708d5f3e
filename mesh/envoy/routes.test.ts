import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { servicesOf } from '../contract/method.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { type MethodRoute, readContractFile, serviceNames } from './contract.ts';
import type { Resource } from './resource.ts';
import { gatewayRoutes, internalRoutes, methodRoute } from './routes.ts';

const contract = readContractFile(descriptorSetFile);

function method(path: string): MethodRoute {
  const found = contract.find((one) => one.path === path);
  if (!found) throw new Error(`the contract has no ${path}`);
  return found;
}

function paths({ virtual_hosts }: Resource): string[] {
  const [host] = virtual_hosts as { routes: { match: { path?: string } }[] }[];
  return host?.routes.flatMap(({ match }) => match.path ?? []) ?? [];
}

describe('the contract as the mesh reads it', () => {
  it('finds each service and what its methods promise', () => {
    expect(serviceNames(contract)).toEqual([
      'shop.order.v1.OrderEventService',
      'shop.order.v1.OrderService',
      'shop.product.v1.ProductEventService',
      'shop.product.v1.ProductService',
      'shop.product.v1.StockService',
      'shop.user.v1.UserEventService',
      'shop.user.v1.UserService',
      'shop.user.v1.WalletService',
    ]);
    expect(method('/shop.product.v1.ProductService/GetProduct')).toMatchObject({
      service: 'product',
      retryable: true,
      internal: false,
    });
    expect(method('/shop.product.v1.StockService/ReserveStock')).toMatchObject({ internal: true });
    expect(method('/shop.user.v1.UserService/Login')).toMatchObject({ service: 'user', retryable: false });
    expect(method('/shop.order.v1.OrderService/WatchOrder')).toMatchObject({ timeoutMs: 0 });
  });
});

describe('the gateway’s routes', () => {
  const routed = paths(gatewayRoutes(contract, '.*'));

  it('has every method that is open to users, and none that is for services', () => {
    const open = contract.filter(({ internal }) => !internal).map(({ path }) => path);
    expect(routed).toEqual(open);
    expect(routed).not.toContain('/shop.product.v1.StockService/ReserveStock');
  });

  it('drops the headers by which services prove who they are, and only there', () => {
    expect(gatewayRoutes(contract, '.*').request_headers_to_remove).toEqual([
      'x-souk-service',
      'x-souk-service-token',
    ]);
    expect(internalRoutes(contract)).not.toHaveProperty('request_headers_to_remove');
  });
});

describe('the routes in mesh/generated', () => {
  it('are those that run', () => {
    const generated = servicesOf(contract).flatMap((service) => {
      const file = new URL(`../generated/envoy/${service}.json`, import.meta.url);
      return JSON.parse(readFileSync(file, 'utf8')).routes as Resource[];
    });
    const [host] = internalRoutes(contract).virtual_hosts as { routes: Resource[] }[];
    expect(host?.routes.slice(0, -1)).toEqual(generated);
  });
});

describe('the internal routes', () => {
  it('has every method', () => {
    expect(paths(internalRoutes(contract))).toEqual(contract.map(({ path }) => path));
  });
});

describe('the route of a method', () => {
  const base: MethodRoute = {
    path: '/shop.order.v1.OrderService/GetOrder',
    service: 'order',
    timeoutMs: 2_000,
    streaming: false,
    retryable: true,
    internal: false,
  };

  it('retries what is idempotent', () => {
    expect(methodRoute(base).route).toMatchObject({
      retry_policy: { num_retries: 2, per_try_timeout: '1s' },
    });
  });

  it('never retries anything else', () => {
    expect(methodRoute({ ...base, retryable: false }).route).not.toHaveProperty('retry_policy');
  });

  it('bounds a call by the contract’s timeout or the caller’s own', () => {
    expect(methodRoute(base).route).toMatchObject({
      timeout: '0s',
      max_stream_duration: { max_stream_duration: '2s', grpc_timeout_header_max: '2s' },
    });
  });

  it('lets a stream without a bound live, however quiet', () => {
    const { route } = methodRoute({ ...base, timeoutMs: 0, streaming: true });
    expect(route).toMatchObject({
      timeout: '0s',
      idle_timeout: '0s',
      max_stream_duration: { max_stream_duration: '0s' },
    });
    expect((route as { retry_policy: Resource }).retry_policy).not.toHaveProperty('per_try_timeout');
  });
});
