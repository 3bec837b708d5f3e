import { setTimeout as sleep } from 'node:timers/promises';
import type { Shop } from '../../mesh/local/shop.ts';
import type { Random } from '../random.ts';

const services = ['user', 'product', 'order'];

/** What is done to a shop under load. */
export const CHANGES = ['kill', 'killSidecar', 'restart', 'scale'] as const;

/** How often each was done. */
export type ChangeCounts = Record<(typeof CHANGES)[number], number>;

/** How long, in milliseconds, all may take to serve again. */
const PATIENCE_MS = 30_000;

/**
 * Kills an instance or a sidecar, restarts a service's instances or changes their number, again and again for `ms`.
 * One after the other, each when all serve again after the one before: of two instances one is there at any time.
 */
export async function keepChanging(shop: Shop, random: Random, ms: number): Promise<ChangeCounts> {
  const counts: ChangeCounts = { kill: 0, killSidecar: 0, restart: 0, scale: 0 };
  const end = Date.now() + ms;
  for (let turn = 0; Date.now() < end; turn++) {
    // Each kind in its turn, so that a minute has all of them, and a kill between any two.
    const change = turn % 2 === 0 ? 'kill' : (CHANGES[(turn >> 1) % CHANGES.length] ?? 'kill');
    const service = random.pick(services);
    const victim = random.pick(shop.deployment(service).instances);
    const deaths = victim.deaths();
    if (change === 'kill') shop.kill(victim.name);
    else if (change === 'killSidecar') shop.kill(victim.sidecar?.name ?? '');
    else if (change === 'restart') await shop.deployment(service).restart();
    else await shop.deployment(service).scale(shop.deployment(service).instances.length === 2 ? 3 : 2);
    counts[change] += 1;
    if (change === 'kill') await until(() => victim.deaths() > deaths);
    // The launcher hears of a dead sidecar a moment later.
    await sleep(200);
    await until(() => shop.instances.every((instance) => instance.serving()));
  }
  return counts;
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    if (Date.now() > end) throw new Error('the shop did not recover');
    await sleep(20);
  }
}
