import { describe, expect, it } from 'vitest';
import { readContractFile } from '../envoy/contract.ts';
import type { Manifest } from '../linkerd/resource.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { generate } from './generate.ts';
import { type Method, servicesOf } from './method.ts';
import { fixture, manifestsIn } from './testing/fixture.ts';

const real = readContractFile(descriptorSetFile);

/** Whom a service lets in to a path, as the files for one mesh say. */
type Lookup = (service: string, path: string) => string[];

function envoy(files: Map<string, string>): Lookup {
  return (service, path) => {
    const { rbac } = JSON.parse(files.get(`mesh/generated/envoy/${service}.json`) ?? '');
    const { action, policies } = rbac.typed_config.rules as {
      action: string;
      policies: Record<string, Policy>;
    };
    expect(action).toBe('ALLOW');
    const fits = ({ url_path }: Policy['permissions'][0]) =>
      url_path.path.exact === path || path.startsWith(url_path.path.prefix ?? '\0');
    return Object.values(policies)
      .filter(({ permissions }) => permissions.some(fits))
      .flatMap(({ principals }) => principals.map(({ authenticated }) => authenticated.principal_name.exact))
      .map((name) => /^spiffe:\/\/souk\.local\/ns\/souk\/sa\/(\w+)$/.exec(name)?.[1] ?? name);
  };
}

interface Policy {
  permissions: { url_path: { path: { exact?: string; prefix?: string } } }[];
  principals: { authenticated: { principal_name: { exact: string } } }[];
}

function linkerd(files: Map<string, string>): Lookup {
  const callers = new Map(
    manifestsIn(files, 'callers').map(({ metadata, spec }) => {
      const { identityRefs } = spec as { identityRefs?: { kind: string; name: string }[] };
      return [metadata.name, identityRefs?.map(({ name }) => name) ?? ['anyone']];
    }),
  );
  const manifestsOf = new Map<string, Manifest[]>();
  return (service, path) => {
    const [, grpcService, method] = path.split('/');
    const manifests = manifestsOf.get(service) ?? manifestsIn(files, service);
    manifestsOf.set(service, manifests);
    const routes = manifests.filter(({ kind, spec }) => {
      const { parentRefs, rules } = spec as Route['spec'];
      return (
        kind === 'GRPCRoute' &&
        parentRefs.some((parent) => parent.kind === 'Server' && parent.name === service) &&
        rules.some(({ matches }) =>
          matches.some(
            (match) => match.method.service === grpcService && (match.method.method ?? method) === method,
          ),
        )
      );
    });
    return manifests.flatMap(({ kind, spec }) => {
      const { targetRef, requiredAuthenticationRefs } = spec as Authorization['spec'];
      if (kind !== 'AuthorizationPolicy') return [];
      expect(targetRef.kind).toBe('GRPCRoute');
      expect(requiredAuthenticationRefs).toHaveLength(1);
      return routes.some(({ metadata }) => metadata.name === targetRef.name)
        ? (callers.get(requiredAuthenticationRefs[0]?.name ?? '') ?? ['nobody knows'])
        : [];
    });
  };
}

interface Route {
  spec: {
    parentRefs: { kind: string; name: string }[];
    rules: { matches: { method: { service: string; method?: string } }[] }[];
  };
}

interface Authorization {
  spec: { targetRef: { kind: string; name: string }; requiredAuthenticationRefs: { name: string }[] };
}

function expected({ access, callers }: Method, services: readonly string[]): string[] {
  if (access === 'public') return ['gateway', ...services].sort();
  return access === 'service' ? [...callers] : ['gateway', ...callers].sort();
}

describe.each([
  ['Envoy', 'the real contract', envoy, real, 'gateway order product user'],
  ['Envoy', 'a fixture', envoy, fixture, 'gateway mail order stock'],
  ['Linkerd', 'the real contract', linkerd, real, 'anyone'],
  ['Linkerd', 'a fixture', linkerd, fixture, 'anyone'],
])('%s, by what is made of %s,', (_mesh, _contract, lookup, methods, askHealth) => {
  const callers = lookup(generate(methods));
  const services = servicesOf(methods);

  it('lets in to each method whom the contract names, and nobody else', () => {
    for (const method of methods) {
      expect(callers(method.service, method.path).sort(), method.path).toEqual(expected(method, services));
    }
  });

  it('lets nobody in to what the service doesn’t have', () => {
    for (const { service, path } of methods) {
      expect(callers(service, `${path}2`)).toEqual([]);
      expect(callers(service, path.toLowerCase())).toEqual([]);
      for (const other of services.filter((one) => one !== service)) expect(callers(other, path)).toEqual([]);
    }
  });

  it('lets health be asked, and the gateway ask for descriptions', () => {
    for (const service of services) {
      expect(callers(service, '/grpc.health.v1.Health/Check').sort().join(' ')).toBe(askHealth);
      for (const version of ['v1', 'v1alpha']) {
        const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
        expect(callers(service, path)).toEqual(['gateway']);
      }
    }
  });
});

it('has Linkerd refuse what no route is for', () => {
  const files = generate(real);
  for (const service of servicesOf(real)) {
    const servers = manifestsIn(files, service).filter(({ kind }) => kind === 'Server');
    expect(servers).toHaveLength(1);
    // With another protocol than gRPC, GRPCRoutes would count for nothing.
    expect(servers[0]?.spec).toMatchObject({ accessPolicy: 'deny', proxyProtocol: 'gRPC', port: 'grpc' });
  }
});
