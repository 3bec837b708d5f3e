import { beforeAll, describe, expect, it } from 'vitest';
import { CLOSE_TIMEOUT_MS } from '../../platform/lifecycle/run.ts';
import { LIVENESS } from '../../platform/rpc/health.ts';
import { readContractFile } from '../envoy/contract.ts';
import { GRPC_PORT } from '../envoy-gateway/names.ts';
import { spiffeId, TRUST_DOMAIN } from '../identity/spiffe.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { drainTimeoutMs } from '../local/service-environment.ts';
import { services } from '../local/services.ts';
import { dockerfile } from './checks/image.ts';
import { kubectlThere, type Manifest, manifest, manifests, OVERLAYS, skipped } from './checks/kustomize.ts';
import { type Workload, workload } from './checks/workload.ts';

const everywhere = OVERLAYS.flatMap((overlay) => services.map(({ name }) => [name, overlay] as const));
const contract = readContractFile(descriptorSetFile);

/** Whether a pod's labels satisfy a selector. An empty one would take everything, and is an error here. */
function selects(selector: Readonly<Record<string, string>> | undefined, pod: Manifest['spec']): boolean {
  const entries = Object.entries(selector ?? {});
  return entries.length > 0 && entries.every(([name, value]) => pod.metadata.labels[name] === value);
}

describe.skipIf(!kubectlThere)(`as deployed${skipped}`, () => {
  describe.each(everywhere)('%s in %s', (service, overlay) => {
    let deployment: Workload['deployment'];
    let pod: Workload['pod'];
    let container: Workload['container'];
    let settings: Workload['settings'];
    beforeAll(() => {
      ({ deployment, pod, container, settings } = workload(overlay, service));
    });
    const others = () => services.map(({ name }) => workload(overlay, name).pod);

    it('has one name and one identity', () => {
      const { serviceAccountName } = pod.spec;
      expect(manifest(overlay, 'ServiceAccount', serviceAccountName).metadata.name).toBe(service);
      expect(`spiffe://${TRUST_DOMAIN}/ns/${deployment.metadata.namespace}/sa/${serviceAccountName}`).toBe(
        spiffeId(service),
      );
      expect(container.image).toMatch(new RegExp(`^souk/${service}:`));
    });

    it('is selected, and nothing else is, by what carries its name', () => {
      const selectors = manifests(overlay)
        .filter(
          ({ kind, metadata }) =>
            [service, `${service}-metrics`].includes(metadata.name) && kind !== 'ConfigMap',
        )
        .flatMap(({ kind, spec }) => {
          if (kind === 'Service') return [spec.selector];
          if (kind === 'NetworkPolicy') return [spec.podSelector.matchLabels];
          return spec?.selector ? [spec.selector.matchLabels] : [];
        });
      expect(selectors.length).toBeGreaterThanOrEqual(overlay === 'dev' ? 4 : 5);
      for (const selector of selectors) {
        expect(selects(selector, pod)).toBe(true);
        expect(others().filter((other) => selects(selector, other))).toHaveLength(1);
      }
    });

    it('listens where it is looked for', () => {
      const [grpc, metrics] = [Number(settings.PORT), Number(settings.METRICS_PORT)];
      expect(grpc).toBe(GRPC_PORT);
      expect(settings.HOST).toBe('0.0.0.0');
      expect(container.ports).toEqual([
        { name: 'grpc', containerPort: grpc },
        { name: 'metrics', containerPort: metrics },
      ]);
      const portsOf = (name: string) => manifest(overlay, 'Service', name).spec.ports;
      expect(portsOf(service)).toMatchObject([{ name: 'grpc', port: grpc, targetPort: 'grpc' }]);
      expect(portsOf(`${service}-metrics`)).toMatchObject([
        { name: 'metrics', port: metrics, targetPort: 'metrics' },
      ]);
      expect(pod.metadata.annotations['prometheus.io/port']).toBe(String(metrics));
      for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
        expect(container[probe].grpc.port).toBe(grpc);
    });

    it('is reached by its callers, and reaches whom it calls', () => {
      const { ingress, egress } = manifest(overlay, 'NetworkPolicy', service).spec;
      const peers = ([rule]: Manifest['spec'][], side: 'from' | 'to'): string[] =>
        rule[side].flatMap(({ podSelector }: Manifest['spec']) => podSelector.matchExpressions[0].values);
      const calls = services.find(({ name }) => name === service)?.calls ?? [];
      const callers = services.filter((other) => other.calls.includes(service)).map(({ name }) => name);
      const through = overlay === 'envoy-gateway' ? ['internal'] : undefined;
      expect(peers(ingress, 'from').sort()).toEqual(through ?? callers.sort());
      expect(peers(egress, 'to').sort()).toEqual(through ?? [...calls].sort());
      expect(ingress[0].ports[0].port).toBe(GRPC_PORT);
      const linkerdsPort = overlay === 'linkerd' ? [4143] : [];
      expect(ingress[0].ports.slice(1).map(({ port }: { port: number }) => port)).toEqual(linkerdsPort);
    });

    it('is ready when what it depends on works, and restarted only when it hangs', () => {
      expect(container.startupProbe.grpc.service).toBe(LIVENESS);
      expect(container.livenessProbe.grpc.service).toBe(LIVENESS);
      expect(container.readinessProbe.grpc.service).toBeUndefined();
      const { periodSeconds, failureThreshold } = container.startupProbe;
      expect(deployment.spec.progressDeadlineSeconds).toBeGreaterThan(periodSeconds * failureThreshold);
    });

    it('has the time to finish its calls', () => {
      expect(Number(settings.DRAIN_TIMEOUT_MS)).toBe(drainTimeoutMs);
      expect(Math.max(...contract.map(({ timeoutMs }) => timeoutMs))).toBeLessThanOrEqual(drainTimeoutMs);
      const needed = container.lifecycle.preStop.sleep.seconds + (drainTimeoutMs + CLOSE_TIMEOUT_MS) / 1000;
      expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(needed);
      expect(deployment.spec.strategy.rollingUpdate.maxUnavailable).toBe(0);
    });

    it('fits into its memory', () => {
      const [, heap] = /--max-old-space-size=(\d+)/.exec(settings.NODE_OPTIONS ?? '') ?? [];
      const [, limit] = /^(\d+)Mi$/.exec(container.resources.limits.memory) ?? [];
      expect(Number(limit) - Number(heap)).toBeGreaterThanOrEqual(128);
      expect(container.resources.requests.memory).toBe(container.resources.limits.memory);
    });

    it.skipIf(overlay === 'dev')('is scaled by its own work', () => {
      const { scaleTargetRef, metrics, minReplicas } = manifest(
        overlay,
        'HorizontalPodAutoscaler',
        service,
      ).spec;
      expect(scaleTargetRef).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name: service });
      expect(metrics[0].containerResource.container).toBe(container.name);
      expect(minReplicas).toBeGreaterThan(
        manifest(overlay, 'PodDisruptionBudget', service).spec.maxUnavailable,
      );
      expect(deployment.spec.replicas).toBeUndefined();
    });

    it('has no rights that it does not need', () => {
      expect(pod.spec).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const { runAsUser, runAsGroup } = pod.spec.securityContext;
      expect(dockerfile()).toContain(`\nUSER ${runAsUser}:${runAsGroup}\n`);
      for (const key of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers'])
        expect(pod.spec[key]).toBeUndefined();
    });
  });
});
