import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { crdsThere, crdValidator } from '../testing/crds.ts';
import {
  kubectlThere,
  type Manifest,
  manifest,
  manifests,
  nameOf,
  OVERLAYS,
  skipped,
} from './checks/kustomize.ts';
import { plainKindValidator } from './checks/plain-kinds.ts';
import { KUBERNETES_VERSIONS, kubernetesSchemas } from './checks/tools.ts';

type Validate = (manifest: Manifest) => string[];

const faults = (all: readonly Manifest[], validate: Validate): string[] =>
  all.flatMap((each) => validate(each).map((fault) => `${nameOf(each)}: ${fault}`));

/** Kinds that come with Kubernetes; all others are defined by a CRD. */
const isPlain = ({ apiVersion }: Manifest): boolean =>
  !apiVersion.includes('.') || apiVersion.startsWith('networking.k8s.io/');

describe.skipIf(!kubectlThere)(`manifests${skipped}`, () => {
  describe.each(KUBERNETES_VERSIONS)('by the schemas of Kubernetes %s', (version) => {
    let validate: Validate;
    beforeAll(() => {
      validate = plainKindValidator(join(kubernetesSchemas(), `${version}.json`));
    }, 300_000);

    it.each(OVERLAYS)('%s', (overlay) => {
      const plain = manifests(overlay).filter(isPlain);
      expect(faults(plain, validate)).toEqual([]);
      expect(plain.length).toBeGreaterThan(10);
    });

    it('an unknown field, a wrong type and an unknown kind are found', () => {
      const deployment = structuredClone(manifest('base', 'Deployment', 'order'));
      deployment.spec.template.spec.securityContext.runAsNonroot = true;
      deployment.spec.minReadySeconds = 'five';
      expect(validate(deployment)).toEqual([
        expect.stringContaining('/spec/minReadySeconds must be integer'),
        expect.stringContaining('"runAsNonroot"'),
      ]);
      expect(validate({ ...deployment, apiVersion: 'apps/v2' })).toEqual([
        'apps/v2 Deployment is not served',
      ]);
    });
  });

  const why = crdsThere ? '' : ' (skipped: there are none in ../shared/crds)';
  describe.skipIf(!crdsThere)(`by CustomResourceDefinitions${why}`, () => {
    const validate = crdsThere ? crdValidator() : () => [];

    it.each(['linkerd', 'envoy-gateway'] as const)('%s', (overlay) => {
      const custom = manifests(overlay).filter((each) => !isPlain(each));
      expect(faults(custom, validate)).toEqual([]);
      expect(custom.length).toBeGreaterThan(30);
    });

    it('an unknown field and a wrong value are found', () => {
      const policy = structuredClone(manifest('envoy-gateway', 'BackendTrafficPolicy', 'instances'));
      policy.spec.healthCheck.active.authority = 'health';
      policy.spec.loadBalancer.type = 'Fewest';
      expect(validate(policy)).toEqual([
        expect.stringContaining('"authority"'),
        expect.stringContaining('/spec/loadBalancer/type must be equal to one of the allowed values'),
      ]);
    });
  });
});
