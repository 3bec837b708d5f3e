import { describe, expect, it } from 'vitest';
import { generate } from '../contract/generate.ts';
import { fixture, manifestsIn } from '../contract/testing/fixture.ts';
import { readContractFile } from '../envoy/contract.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { crdsThere, crdValidator } from '../testing/crds.ts';
import type { Manifest } from './resource.ts';

const skipped = crdsThere ? '' : ' (skipped: there is no folder ../shared/crds with the definitions)';
// Reading the definitions takes a second, and more on a busy machine.
const timeout = 30_000;

function manifests(methods = readContractFile(descriptorSetFile)): Manifest[] {
  const files = generate(methods);
  const names = [...files.keys()].flatMap(
    (path) => /linkerd\/(?!kustomization)(\w+)\.yaml$/.exec(path)?.[1] ?? [],
  );
  return names.flatMap((name) => manifestsIn(files, name));
}

describe('Linkerd’s manifests', () => {
  it.skipIf(!crdsThere)(`fit the definitions of their kinds${skipped}`, { timeout }, () => {
    const faults = crdValidator();
    const kinds = new Set<string>();
    for (const manifest of [...manifests(), ...manifests(fixture)]) {
      kinds.add(manifest.kind);
      expect(faults(manifest), `${manifest.kind} ${manifest.metadata.name}`).toEqual([]);
    }
    expect([...kinds].sort()).toEqual([
      'AuthorizationPolicy',
      'GRPCRoute',
      'MeshTLSAuthentication',
      'NetworkAuthentication',
      'Server',
    ]);
  });

  it.skipIf(!crdsThere)(`are refused if they don’t${skipped}`, { timeout }, () => {
    const faults = crdValidator();
    const server = manifests().find(({ kind }) => kind === 'Server') as Manifest;
    expect(faults({ ...server, apiVersion: 'policy.linkerd.io/v2' })).toEqual([
      'policy.linkerd.io/v2 Server is not served',
    ]);
    expect(faults({ ...server, spec: { ...server.spec, port: true } } as Manifest)).not.toEqual([]);
    expect(faults({ ...server, spec: { ...server.spec, ports: 1 } } as Manifest)).not.toEqual([]);
    const { podSelector: _, ...unselective } = server.spec;
    expect(faults({ ...server, spec: unselective } as Manifest)).not.toEqual([]);
  });

  it('have names of their own, and refer to what there is', () => {
    const all = manifests();
    const names = all.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(names).toEqual([...new Set(names)]);
    const references = all.flatMap(({ spec }) => {
      const {
        parentRefs = [],
        targetRef,
        requiredAuthenticationRefs = [],
      } = spec as Record<string, Reference[]>;
      return [parentRefs, targetRef ?? [], requiredAuthenticationRefs].flat();
    });
    expect(references.length).toBeGreaterThan(20);
    for (const { kind, name } of references.filter((one) => one.kind !== 'Service'))
      expect(names).toContain(`${kind}/${name}`);
  });
});

interface Reference {
  kind: string;
  name: string;
}
