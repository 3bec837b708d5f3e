import { setTimeout as sleep } from 'node:timers/promises';
import { type Faults, noFaults, setFaults } from '../../mesh/envoy/governance/faults.ts';
import type { Shop } from '../../mesh/local/shop.ts';
import type { Journal } from './journal.ts';
import type { Act, Planned } from './schedule.ts';

/** How often each kind of act was done. */
export type ActCounts = Record<Act['kind'], number>;

/** Does to the shop what is planned, when it is planned, and writes it down. Resolves when all of it is over. */
export async function sabotage(shop: Shop, plan: readonly Planned[], journal: Journal): Promise<ActCounts> {
  const counts: ActCounts = { kill: 0, sidecar: 0, pause: 0, database: 0, broker: 0, gateway: 0, faults: 0 };
  const ends: Promise<void>[] = [];
  // These are left alone until they go on: it is what they do then that is of interest.
  const paused = new Set<string>();
  const began = Date.now();
  const spoil = async (faults: Faults) => {
    const sidecars = shop.instances.flatMap(({ sidecar }) => sidecar ?? []);
    const outcomes = await Promise.allSettled(
      sidecars.map(({ adminPort }) => setFaults(`http://127.0.0.1:${adminPort}`, faults)),
    );
    // One or the other may just have been killed.
    return sidecars.filter((_, n) => outcomes[n]?.status === 'fulfilled').map(({ name }) => name);
  };

  for (const act of plan) {
    await sleep(Math.max(0, began + act.at - Date.now()));
    const hit = await perform(act);
    counts[act.kind] += act.kind === 'kill' ? hit.length : Math.min(1, hit.length);
    journal.add({ act: act.kind, hit, plan: act });
  }
  await Promise.all(ends);
  // A process that was paused has been continued, and an Envoy that was killed has lost its faults; be sure.
  for (const { name } of shop.instances) shop.kill(name, 'SIGCONT');
  await spoil(noFaults);
  journal.add({ act: 'over' });
  return counts;

  /** Tells whom it hit. */
  async function perform(act: Act): Promise<string[]> {
    switch (act.kind) {
      case 'kill': {
        const hit: string[] = [];
        for (const name of act.victims.filter((one) => !paused.has(one))) {
          if (hit.length > 0 && !act.all) break;
          if (shop.kill(name)) hit.push(name);
        }
        return hit;
      }
      case 'sidecar': {
        const name = act.victims.map((one) => `${one}-sidecar`).find((one) => shop.kill(one));
        return name === undefined ? [] : [name];
      }
      case 'pause': {
        const name = act.victims.find((one) => !paused.has(one) && shop.kill(one, 'SIGSTOP'));
        if (name === undefined) return [];
        paused.add(name);
        ends.push(
          sleep(act.ms).then(() => {
            shop.kill(name, 'SIGCONT');
            paused.delete(name);
            journal.add({ act: 'continue', hit: [name] });
          }),
        );
        return [name];
      }
      case 'database':
        return shop.kill('postgres', act.signal) ? ['postgres'] : [];
      case 'broker':
        return shop.kill('nats') ? ['nats'] : [];
      case 'gateway':
        return shop.kill('envoy') ? ['envoy'] : [];
      case 'faults': {
        const hit = await spoil(act.faults);
        if (hit.length === 0) return [];
        ends.push(
          sleep(act.ms).then(async () => {
            await spoil(noFaults);
            journal.add({ act: 'no faults' });
          }),
        );
        return hit;
      }
    }
  }
}
