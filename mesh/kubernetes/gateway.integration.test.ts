import { describe, expect, it } from 'vitest';
import { GATEWAY } from '../contract/callers.ts';
import { readContractFile } from '../envoy/contract.ts';
import { gatewayRoutes } from '../envoy/routes.ts';
import { GATEWAYS } from '../envoy-gateway/names.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { services } from '../local/services.ts';
import { kubectlThere, manifest, manifests, skipped } from './checks/kustomize.ts';
import { workload } from './checks/workload.ts';

const withDoor = ['linkerd', 'envoy-gateway'] as const;

describe.skipIf(!kubectlThere)(`the door${skipped}`, () => {
  it.each(withDoor)('of %s drops what services prove themselves by, as it does on one machine', (overlay) => {
    const { request_headers_to_remove: dropped } = gatewayRoutes(readContractFile(descriptorSetFile), '');
    const { headers } = manifest(overlay, 'ClientTrafficPolicy', 'gateway').spec;
    expect(headers.earlyRequestHeaders.remove).toEqual(dropped);
  });

  it.each(withDoor)('of %s is whom the contract calls the gateway', (overlay) => {
    const { spec } = manifest(overlay, 'EnvoyProxy', GATEWAY);
    expect(spec.provider.kubernetes.envoyServiceAccount.name).toBe(GATEWAY);
    const { infrastructure } = manifest(overlay, 'Gateway', GATEWAY).spec;
    expect(infrastructure.parametersRef).toMatchObject({ kind: 'EnvoyProxy', name: GATEWAY });
  });

  it.each(withDoor)('of %s reaches each service, past the network policies', (overlay) => {
    const { podSelector, ingress } = manifest(overlay, 'NetworkPolicy', 'from-gateway').spec;
    for (const { name } of services)
      expect(workload(overlay, name).pod.metadata.labels).toMatchObject(podSelector.matchLabels);
    const [{ from, ports }] = ingress;
    expect(from[0].podSelector.matchLabels).toEqual({
      'gateway.envoyproxy.io/owning-gateway-name': GATEWAY,
    });
    expect(ports[0].port).toBe(Number(workload(overlay, 'order').settings.PORT));
  });

  it('and the internal gateway have policies of their own', () => {
    for (const gateway of GATEWAYS) {
      const targets = (kind: string) =>
        manifests('envoy-gateway')
          .filter((each) => each.kind === kind)
          .flatMap(({ spec }) => spec.targetRefs ?? [spec.targetRef])
          .filter((target) => target.kind === 'Gateway' && target.name === gateway);
      for (const kind of ['ClientTrafficPolicy', 'BackendTrafficPolicy', 'EnvoyPatchPolicy'])
        expect(targets(kind), `${kind} of ${gateway}`).toHaveLength(1);
    }
    const [listener] = manifest('envoy-gateway', 'Gateway', 'internal').spec.listeners;
    const [rule] = manifest('envoy-gateway', 'NetworkPolicy', 'internal-gateway').spec.ingress;
    expect(rule.ports).toEqual([{ port: listener.port }]);
  });
});

describe.skipIf(!kubectlThere)(`Linkerd${skipped}`, () => {
  const all = (kind: string) => manifests('linkerd').filter((each) => each.kind === kind);

  it('is beside each service, and lets in nobody who is not named', () => {
    for (const { name } of services) {
      expect(workload('linkerd', name).pod.metadata.annotations).toMatchObject({
        'linkerd.io/inject': 'enabled',
        'config.linkerd.io/default-inbound-policy': 'deny',
      });
    }
  });

  it('has a policy for each port of each service', () => {
    for (const { name } of services) {
      const { pod, container } = workload('linkerd', name);
      const ports = all('Server')
        .filter(({ spec }) =>
          Object.entries(spec.podSelector.matchLabels).every(
            ([label, value]) => pod.metadata.labels[label] === value,
          ),
        )
        .map(({ spec }) => spec.port);
      expect(ports.sort()).toEqual(container.ports.map((port: { name: string }) => port.name).sort());
    }
  });

  it('knows its callers by service accounts that there are', () => {
    const accounts = [...all('ServiceAccount').map(({ metadata }) => metadata.name), GATEWAY];
    const named = all('MeshTLSAuthentication').flatMap(({ spec }) =>
      spec.identityRefs.map((ref: { name: string }) => ref.name),
    );
    expect([...new Set(named)].sort()).toEqual(accounts.sort());
  });

  it('is the only one that tries again', () => {
    const policies = all('BackendTrafficPolicy');
    expect(policies.map(({ spec }) => spec.retry)).toEqual([undefined]);
  });
});
