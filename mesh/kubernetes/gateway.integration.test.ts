import { describe, expect, it } from 'vitest';
import { GATEWAY } from '../contract/callers.ts';
import { readContractFile } from '../envoy/contract.ts';
import { balancing } from '../envoy/governance/balancing.ts';
import { usualLimits } from '../envoy/governance/circuit-breakers.ts';
import { healthChecks } from '../envoy/governance/health-checks.ts';
import { outliers } from '../envoy/governance/outliers.ts';
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
      for (const kind of ['ClientTrafficPolicy', 'BackendTrafficPolicy'])
        expect(targets(kind), `${kind} of ${gateway}`).toHaveLength(1);
      expect(targets('EnvoyPatchPolicy').length).toBeGreaterThan(0);
    }
    const [listener] = manifest('envoy-gateway', 'Gateway', 'internal').spec.listeners;
    const [rule] = manifest('envoy-gateway', 'NetworkPolicy', 'internal-gateway').spec.ingress;
    expect(rule.ports).toEqual([{ port: listener.port }]);
  });
});

describe.skipIf(!kubectlThere)(`Envoy Gateway${skipped}`, () => {
  it('treats instances as one machine does', () => {
    const { healthCheck, circuitBreaker, loadBalancer } = manifest(
      'envoy-gateway',
      'BackendTrafficPolicy',
      'instances',
    ).spec;
    const [check] = healthChecks.health_checks as Record<string, unknown>[];
    expect(healthCheck.active).toEqual({
      type: 'GRPC',
      interval: check?.interval,
      timeout: check?.timeout,
      unhealthyThreshold: check?.unhealthy_threshold,
      healthyThreshold: check?.healthy_threshold,
    });
    const outlier = outliers.outlier_detection as Record<string, unknown>;
    expect(healthCheck.passive).toEqual({
      interval: outlier.interval,
      baseEjectionTime: outlier.base_ejection_time,
      maxEjectionPercent: outlier.max_ejection_percent,
      splitExternalLocalOriginErrors: outlier.split_external_local_origin_errors,
      consecutiveLocalOriginFailures: outlier.consecutive_local_origin_failure,
      consecutiveGatewayErrors: outlier.consecutive_gateway_failure,
    });
    expect(circuitBreaker).toMatchObject({
      maxConnections: usualLimits.connections,
      maxPendingRequests: usualLimits.pending,
      maxParallelRequests: usualLimits.calls,
    });
    expect(JSON.stringify(balancing)).toContain(`"slow_start_window":"${loadBalancer.slowStart.window}"`);
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
