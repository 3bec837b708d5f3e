import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Manifest, manifest, manifests, nameOf, noKubectl, OVERLAYS } from './checks/kustomize.ts';
import { customKinds, noCrds, plainKinds, type Validate } from './checks/schemas.ts';
import { KUBERNETES_VERSIONS, kubernetesSchemas } from './checks/tools.ts';

/** Everything that is wrong with an overlay, by the schemas of those of its kinds that `validate` knows. */
function faults(all: readonly Manifest[], validate: Validate): string[] {
  return all.flatMap((each) => (validate(each) ?? []).map((fault) => `${nameOf(each)}: ${fault}`));
}

/** Kinds that come with Kubernetes; all others are defined by a CRD. */
const isPlain = ({ apiVersion }: Manifest): boolean =>
  !apiVersion.includes('.') || /^(networking|rbac\.authorization)\.k8s\.io\//.test(apiVersion);

describe.skipIf(noKubectl)('manifests', () => {
  describe.each(KUBERNETES_VERSIONS)('by Kubernetes %s', (version) => {
    let validate: Validate;
    beforeAll(async () => {
      validate = plainKinds(join(await kubernetesSchemas(), `${version}.json`));
    }, 300_000);

    it.each(OVERLAYS)('%s', (overlay) => {
      const plain = manifests(overlay).filter(isPlain);
      expect(plain.filter((each) => validate(each) === undefined).map(nameOf)).toEqual([]);
      expect(faults(plain, validate)).toEqual([]);
      expect(plain.length).toBeGreaterThan(10);
    });

    it('finds an unknown field and a wrong type', () => {
      const deployment = structuredClone(manifest('base', 'Deployment', 'order'));
      deployment.spec.template.spec.securityContext.runAsNonroot = true;
      deployment.spec.minReadySeconds = 'five';
      expect(validate(deployment)?.sort()).toEqual([
        '/spec/minReadySeconds must be integer,null',
        '/spec/template/spec/securityContext must NOT have additional properties runAsNonroot',
      ]);
    });
  });

  describe.skipIf(noCrds)('by CustomResourceDefinitions', () => {
    const validate = noCrds === undefined ? customKinds() : () => undefined;

    it.each(['linkerd', 'envoy-gateway'] as const)('%s', (overlay) => {
      const custom = manifests(overlay).filter((each) => !isPlain(each));
      expect(custom.filter((each) => validate(each) === undefined).map(nameOf)).toEqual([]);
      expect(faults(custom, validate)).toEqual([]);
      expect(custom.length).toBeGreaterThan(10);
    });

    it('finds an unknown field and a wrong value', () => {
      const policy = structuredClone(manifest('envoy-gateway', 'BackendTrafficPolicy', 'instances'));
      policy.spec.healthCheck.active.authority = 'health';
      policy.spec.loadBalancer.type = 'Fewest';
      expect(validate(policy)?.sort()).toEqual([
        '/spec/healthCheck/active must NOT have additional properties authority',
        '/spec/loadBalancer/type must be equal to one of the allowed values',
      ]);
    });
  });
});
