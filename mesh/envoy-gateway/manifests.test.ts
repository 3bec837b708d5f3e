import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { generate } from '../contract/generate.ts';
import { type Method, servicesOf } from '../contract/method.ts';
import { fixture } from '../contract/testing/fixture.ts';
import { readContractFile } from '../envoy/contract.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { crdsThere, crdValidator } from '../testing/crds.ts';
import { GATEWAYS, type Gateway, GRPC_PORT } from './names.ts';
import { methodGroups } from './routes.ts';

// biome-ignore lint/suspicious/noExplicitAny: a manifest has as many shapes as there are kinds.
type Manifest = any;

function manifestsOf(methods: readonly Method[]): Manifest[] {
  return [...generate(methods)]
    .filter(([path]) => /generated\/(gateway|envoy-gateway)\/(?!kustomization)/.test(path))
    .flatMap(([, text]) => parseAllDocuments(text).map((document) => document.toJS()));
}

const ofKind = (all: readonly Manifest[], kind: string) => all.filter((each) => each.kind === kind);

describe.each([
  ['the real contract', readContractFile(descriptorSetFile)],
  ['a fixture', fixture],
])('what Envoy Gateway gets of %s', (_, methods) => {
  const all = manifestsOf(methods);
  const routes = ofKind(all, 'GRPCRoute');
  const through = (gateway: Gateway) => routes.filter(({ spec }) => spec.parentRefs[0].name === gateway);
  const reached = (gateway: Gateway) =>
    through(gateway).flatMap(({ spec }) =>
      spec.rules[0].matches.map(({ method }: Manifest) => `/${method.service}/${method.method ?? '*'}`),
    );

  it('has a route for each method that a gateway is for, and no other', () => {
    const paths = (some: readonly Method[]) => some.map(({ path }) => path).sort();
    expect(reached('internal').sort()).toEqual(paths(methods));
    const reflection = ['v1', 'v1alpha'].map((version) => `/grpc.reflection.${version}.ServerReflection/*`);
    expect(reached('gateway').sort()).toEqual(
      [...paths(methods.filter(({ internal }) => !internal)), ...reflection].sort(),
    );
  });

  it('leads each method to its service', () => {
    for (const { metadata, spec } of routes) {
      const [{ matches, backendRefs }] = spec.rules;
      const [{ name, port }] = backendRefs;
      expect(servicesOf(methods), metadata.name).toContain(name);
      expect(port).toBe(GRPC_PORT);
      const own = methods.filter((method) => method.service === name).map(({ grpcService }) => grpcService);
      if (metadata.name !== 'gateway-reflection')
        for (const { method } of matches) expect(own).toContain(method.service);
    }
  });

  it('bounds each method by the contract, and tries again only what may be', () => {
    const groups = new Map(methodGroups(methods).map((group) => [group.name, group.methods]));
    const policies = ofKind(all, 'BackendTrafficPolicy');
    const targeted = policies.flatMap(({ spec }) => spec.targetRefs.map(({ name }: Manifest) => name));
    expect(targeted.sort()).toEqual([...groups.keys()].sort());
    for (const { spec } of policies) {
      for (const { name } of spec.targetRefs) {
        for (const { path, timeoutMs, retryable } of groups.get(name) ?? []) {
          const bound = timeoutMs === 0 ? undefined : `${timeoutMs}ms`;
          expect(spec.timeout.http.maxStreamDuration, path).toBe(bound);
          expect(spec.retry?.numRetries, path).toBe(retryable ? 2 : undefined);
        }
      }
    }
  });

  const patchesOf = (gateway: Gateway): Manifest[] =>
    ofKind(all, 'EnvoyPatchPolicy')
      .filter(({ spec }) => spec.targetRef.name === gateway)
      .flatMap(({ spec }) => spec.jsonPatches);

  it('has the checks of one machine on the cluster of each route', () => {
    for (const gateway of GATEWAYS) {
      const checked = patchesOf(gateway).filter(({ operation }) => operation.path === '/health_checks');
      expect(checked.map(({ name }) => name).sort()).toEqual(
        through(gateway)
          .map(({ metadata }) => `grpcroute/souk/${metadata.name}/rule/0`)
          .sort(),
      );
      for (const { operation } of checked)
        expect(operation.value[0].grpc_health_check.authority).toMatch(/^[a-z]+$/);
    }
  });

  it('spends a retry budget on what is tried again, and on nothing else', () => {
    for (const gateway of GATEWAYS) {
      const budgeted = patchesOf(gateway).filter(({ operation }) =>
        operation.path?.endsWith('/http_filters'),
      );
      const tried = methodGroups(methods).filter(
        (group) => group.gateway === gateway && group.methods[0]?.retryable,
      );
      expect(budgeted.map(({ name }) => name).sort()).toEqual(
        tried.map(({ name }) => `grpcroute/souk/${name}/rule/0`).sort(),
      );
      const triggers = patchesOf(gateway).find(({ operation }) => operation.path === '/retry_on').operation
        .value;
      expect(triggers).not.toContain('unavailable');
      expect(triggers).toContain('retriable-headers');
    }
  });

  it('bounds the rate of clients, and not of services', () => {
    const limited = GATEWAYS.filter((gateway) =>
      JSON.stringify(patchesOf(gateway)).includes('local_ratelimit'),
    );
    expect(limited).toEqual(['gateway']);
  });

  const why = crdsThere ? '' : ' (skipped: there are none in ../shared/crds)';
  it.skipIf(!crdsThere)(`fits the definitions of its kinds${why}`, () => {
    const faults = crdValidator();
    for (const manifest of all) expect(faults(manifest), manifest.metadata.name).toEqual([]);
  });
});
