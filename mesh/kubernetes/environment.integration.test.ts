import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../platform/config/config.ts';
import { configSpec as order } from '../../services/order/config.ts';
import { configSpec as product } from '../../services/product/config.ts';
import { configSpec as user } from '../../services/user/config.ts';
import { pathsIn } from '../local/paths.ts';
import { instanceEnvironment, serviceEnvironment } from '../local/service-environment.ts';
import { services } from '../local/services.ts';
import { kubectlThere, manifest, OVERLAYS, skipped } from './checks/kustomize.ts';
import { workload } from './checks/workload.ts';

const specs: Record<string, object> = { user, product, order };
/** Variables that Node itself reads. */
const NODES_OWN = ['NODE_OPTIONS', 'NODE_COMPILE_CACHE'];

/** What the launcher gives an instance, with secrets of the right shape. */
function launched(service: string): Record<string, string | undefined> {
  const spec = services.find(({ name }) => name === service) as (typeof services)[number];
  const around = {
    paths: pathsIn('/home/of/the/shop'),
    secrets: (name: string) => `${name}-0123456789abcdef`,
    postgresPort: 5432,
    sidecarSecret: '',
    eventsUrl: 'nats://127.0.0.1:4222',
    addresses: Object.fromEntries(services.map(({ name }) => [name, '127.0.0.1:1'])),
    inherited: {},
  };
  const environment = { ...serviceEnvironment(spec, around), ...instanceEnvironment(`${service}-1`, 1, 2) };
  // What is empty is not there.
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
}

/** What a pod finds: the manifests' settings, and from its Secret what the launcher would make. */
function deployed(overlay: (typeof OVERLAYS)[number], service: string) {
  const { settings, secrets } = workload(overlay, service);
  const made = launched(service);
  return { ...settings, ...Object.fromEntries(secrets.map((name) => [name, made[name]])) };
}

describe.skipIf(!kubectlThere)(`the environment of${skipped}`, () => {
  const everywhere = OVERLAYS.flatMap((overlay) => services.map(({ name }) => [name, overlay] as const));

  it.each(everywhere)('%s in %s is one that the service takes', (service, overlay) => {
    expect(() => parseConfig(specs[service] ?? {}, deployed(overlay, service))).not.toThrow();
  });

  it.each(everywhere)('%s in %s has no variable that the service does not know', (service, overlay) => {
    const known = [...Object.keys(specs[service] ?? {}), ...NODES_OWN];
    expect(Object.keys(deployed(overlay, service)).filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(everywhere)('%s in %s has all that the launcher sets', (service, overlay) => {
    const set = Object.keys(deployed(overlay, service));
    const missing = Object.keys(launched(service)).filter((name) => !set.includes(name));
    expect(missing.filter((name) => !NODES_OWN.includes(name))).toEqual([]);
  });

  it.each(everywhere)('%s in %s has no secret in the manifests', (service, overlay) => {
    const { settings } = workload(overlay, service);
    expect(Object.keys(settings).filter((name) => /SECRET|TOKENS?$|PASSWORD|_URL$/.test(name))).toEqual([]);
  });

  it.each(everywhere)('%s in %s leads to services that exist', (service, overlay) => {
    const addresses = Object.entries(deployed(overlay, service)).filter(([name]) =>
      name.endsWith('_ADDRESS'),
    );
    const calls = services.find(({ name }) => name === service)?.calls ?? [];
    expect(addresses.map(([name]) => name).sort()).toEqual(
      calls.map((name) => `${name.toUpperCase()}_ADDRESS`).sort(),
    );
    for (const [name, address] of addresses) {
      const [, host, namespace, port] = /^([\w-]+)\.([\w-]+)\.svc:(\d+)$/.exec(address ?? '') ?? [];
      const kind = overlay === 'envoy-gateway' ? 'Gateway' : 'Service';
      const target = manifest(overlay, kind, host ?? '');
      const ports = (target.spec.ports ?? target.spec.listeners).map((each: { port: number }) => each.port);
      expect([target.metadata.namespace, ports]).toEqual([namespace, expect.arrayContaining([Number(port)])]);
      if (kind === 'Service') expect(host).toBe(name.replace('_ADDRESS', '').toLowerCase());
    }
  });

  it.each(services.map(({ name }) => name))('%s: its secrets are in the guide', (service) => {
    const guide = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
    for (const name of workload('base', service).secrets) expect(guide).toContain(`\`${name}\``);
  });
});
