import { services } from '../../local/services.ts';
import type { Shop } from '../../local/shop.ts';
import { ask } from './ask.ts';
import type { EnvoyReading } from './edges.ts';
import { type EnvoyHost, type EnvoyStats, parseClusters, parseStats, statsPath } from './envoy-stats.ts';

/** What all Envoys of a shop say. */
export interface EnvoyReadings {
  readonly readings: readonly EnvoyReading[];
  /** The instances as each of them sees them, by its name. */
  readonly opinions: ReadonlyMap<string, readonly EnvoyHost[]>;
}

const path = statsPath(services.map(({ name }) => name));

/** Asks the Envoys, and remembers what they said the last time. */
export function createEnvoyReader(shop: Shop): () => Promise<EnvoyReadings> {
  let last = new Map<string, EnvoyStats>();
  return async () => {
    const next = new Map<string, EnvoyStats>();
    const opinions = new Map<string, EnvoyHost[]>();
    const readings: EnvoyReading[] = [];
    await Promise.all(
      envoysOf(shop).map(async ({ name, caller, adminPort }) => {
        const [stats, clusters] = await Promise.all([
          ask(adminPort, path),
          ask(adminPort, '/clusters?format=json'),
        ]);
        if (clusters !== undefined) opinions.set(name, parseClusters(clusters));
        if (stats === undefined) return;
        const now = parseStats(stats);
        next.set(name, now);
        readings.push({ caller, before: last.get(name), now });
      }),
    );
    last = next;
    return { readings, opinions };
  };
}

function envoysOf(shop: Shop): { name: string; caller: string; adminPort: number }[] {
  return shop.processes().flatMap(({ name, kind, adminPort }) => {
    if (kind === 'envoy') return [{ name: 'gateway', caller: 'gateway', adminPort: shop.adminPort }];
    const instance = shop.instances.find(({ sidecar }) => sidecar?.name === name);
    return instance && adminPort ? [{ name, caller: instance.service, adminPort }] : [];
  });
}
