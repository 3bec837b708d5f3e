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

const names = services.map(({ name }) => name);
const path = statsPath(names);

/** Asks the Envoys, and remembers what they said the last time. */
export function createEnvoyReader(shop: Shop): () => Promise<EnvoyReadings> {
  let last = new Map<string, EnvoyStats>();
  return async () => {
    const next = new Map<string, EnvoyStats>();
    const opinions = new Map<string, EnvoyHost[]>();
    const readings: EnvoyReading[] = [];
    await Promise.all(
      envoysOf(shop).map(async ({ name, caller, adminPort }) => {
        const stats = await ask(adminPort, path);
        if (stats === undefined) return;
        const now = parseStats(stats);
        // Which of the instances it is takes another question, for which there is seldom cause.
        const clusters = hasTakenOut(now) ? await ask(adminPort, '/clusters?format=json') : undefined;
        if (clusters !== undefined) opinions.set(name, parseClusters(clusters));
        next.set(name, now);
        readings.push({ caller, before: last.get(name), now });
      }),
    );
    last = next;
    return { readings, opinions };
  };
}

/** Whether an Envoy keeps calls from any instance that it knows. */
function hasTakenOut({ values }: EnvoyStats): boolean {
  return names.some((name) => {
    const of = (statistic: string) => values.get(`cluster.${name}.${statistic}`) ?? 0;
    return of('outlier_detection.ejections_active') > 0 || of('membership_healthy') < of('membership_total');
  });
}

function envoysOf(shop: Shop): { name: string; caller: string; adminPort: number }[] {
  return shop.processes().flatMap(({ name, kind, adminPort }) => {
    if (kind === 'envoy') return [{ name: 'gateway', caller: 'gateway', adminPort: shop.adminPort }];
    const instance = shop.instances.find(({ sidecar }) => sidecar?.name === name);
    return instance && adminPort ? [{ name, caller: instance.service, adminPort }] : [];
  });
}
