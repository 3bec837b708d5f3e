import { setTimeout as sleep } from 'node:timers/promises';
import type { Clients } from '../clients.ts';
import { insist } from './insist.ts';
import type { Worker } from './worker.ts';

const paceMs = 150;

/** Renames people and products, one after the other, so that others' copies of them have something to follow. */
export async function rename(
  { world, random, tally, stopping }: Omit<Worker, 'customer'>,
  admin: Clients,
): Promise<void> {
  for (let round = 1; !stopping(); round++) {
    const next = Date.now() + paceMs;
    // One that is in doubt is left: the next round gives another name anyway.
    const patience = { random, tally, attempts: 3 };
    if (random.percent(50)) {
      const { clients } = random.pick(world.customers);
      const user = { displayName: `Customer ${round}` };
      const updateMask = { paths: ['display_name'] };
      await insist(
        'UpdateUser',
        (options) => clients.users.updateUser({ user, updateMask }, options),
        patience,
      );
    } else {
      const product = { id: random.pick(world.products), name: `Product ${round}` };
      const updateMask = { paths: ['name'] };
      await insist(
        'UpdateProduct',
        (options) => admin.products.updateProduct({ product, updateMask }, options),
        patience,
      );
    }
    await sleep(Math.max(0, next - Date.now()));
  }
}
