import { describe, expect, it } from 'vitest';
import { readContractFile } from '../envoy/contract.ts';
import type { Resource } from '../envoy/resource.ts';
import type { RouteMatch } from '../linkerd/resource.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { generate } from './generate.ts';
import { type Method, servicesOf } from './method.ts';
import { plugin } from './plugin.ts';
import { declared, fixture, manifestsIn } from './testing/fixture.ts';
import { requestOf } from './testing/request.ts';

const real = readContractFile(descriptorSetFile);

/** What both meshes do with each method, as the files say. */
function meshes(methods: readonly Method[]) {
  const files = generate(methods);
  const envoy = new Map<string, Resource[]>();
  const linkerd = new Map<string, Record<string, string>[]>();
  const add = <Value>(map: Map<string, Value[]>, key: string, value: Value) =>
    map.set(key, [...(map.get(key) ?? []), value]);
  for (const service of servicesOf(methods)) {
    const { routes } = JSON.parse(files.get(`mesh/generated/envoy/${service}.json`) ?? '') as {
      routes: { match: { path: string }; route: Resource }[];
    };
    for (const { match, route } of routes) add(envoy, match.path, route);
    for (const { kind, metadata, spec } of manifestsIn(files, service)) {
      const { parentRefs, rules } = spec as {
        parentRefs?: { kind: string }[];
        rules: { matches: { method: RouteMatch }[] }[];
      };
      if (kind !== 'GRPCRoute' || parentRefs?.[0]?.kind !== 'Service') continue;
      for (const { method } of rules.flatMap(({ matches }) => matches)) {
        if (method.method) add(linkerd, `/${method.service}/${method.method}`, metadata.annotations ?? {});
      }
    }
  }
  return { envoy, linkerd };
}

describe.each([
  ['the real contract', real],
  ['a fixture', fixture],
])('what is made of %s', (_, methods) => {
  const { envoy, linkerd } = meshes(methods);

  it('has each method exactly once, in either mesh and in the table', () => {
    const paths = methods.map(({ path }) => path);
    for (const mesh of [envoy, linkerd]) {
      expect([...mesh.keys()].sort()).toEqual(paths);
      for (const found of mesh.values()) expect(found).toHaveLength(1);
    }
    const table = generate(methods).get('docs/contract.md') ?? '';
    const rows = table.split('### ').flatMap((part) => {
      const [service] = part.split('\n');
      return [...part.matchAll(/^\| (\w+) \| \w+ \|/gm)].map(([, name]) => `/${service}/${name}`);
    });
    expect(rows.filter((row) => !row.endsWith('/Method')).sort()).toEqual(paths);
  });

  it('tries nothing twice that isn’t stated to be idempotent, and all that is', () => {
    for (const { path, idempotency } of methods) {
      const [route] = envoy.get(path) ?? [];
      const [annotations] = linkerd.get(path) ?? [];
      const retries = Object.keys(annotations ?? {}).filter((key) => key.startsWith('retry.linkerd.io/'));
      const once = idempotency === 'not stated';
      expect(route && 'retry_policy' in route, path).toBe(!once);
      expect(retries.length > 0, path).toBe(!once);
    }
  });

  it('bounds a call alike in either mesh', () => {
    for (const { path, timeoutMs } of methods) {
      const bound = timeoutMs === 0 ? undefined : timeoutMs;
      const [route] = envoy.get(path) as [{ max_stream_duration: { max_stream_duration: string } }];
      expect(milliseconds(route.max_stream_duration.max_stream_duration), path).toBe(bound ?? 0);
      const [annotations] = linkerd.get(path) ?? [];
      expect(milliseconds(annotations?.['timeout.linkerd.io/request']), path).toBe(bound);
    }
  });
});

it('is the same bytes in whatever order the contract declares things', () => {
  const backwards = Object.entries(declared).map(([name, methods]) => [
    name,
    Object.fromEntries(Object.entries(methods).reverse()),
  ]);
  const request = requestOf(Object.fromEntries(backwards.reverse()));
  expect(plugin.run(request).file).toEqual(plugin.run(requestOf(declared)).file);
});

it('takes retries, tries’ bounds and streams into account', () => {
  const { linkerd } = meshes(fixture);
  const annotations = (name: string) => linkerd.get(`/shop.order.v1.TestService/${name}`)?.[0];
  expect(annotations('Put')).toEqual({
    'timeout.linkerd.io/request': '1500ms',
    'retry.linkerd.io/grpc': 'unavailable',
    'retry.linkerd.io/limit': '2',
    'retry.linkerd.io/timeout': '750ms',
  });
  expect(annotations('Watch')).toEqual({
    'retry.linkerd.io/grpc': 'unavailable',
    'retry.linkerd.io/limit': '2',
  });
  expect(annotations('Post')).toEqual({ 'timeout.linkerd.io/request': '1500ms' });
});

function milliseconds(duration: string | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const [, amount, unit] = /^([\d.]+)(ms|s)$/.exec(duration) ?? [];
  return Number(amount) * (unit === 's' ? 1000 : 1);
}
