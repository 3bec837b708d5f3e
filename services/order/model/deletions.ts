import type { Notes } from './customers.ts';
import type { Deletion } from './scenario.ts';
import type { World } from './world.ts';

/** How long until the event comes again, to the other replica, when nobody knows whether it took effect. */
const AGAIN_MS = 1_500;

/**
 * Deletes an account. The user service's commit of it is one moment: from then on nothing is held or charged any more.
 * Its event comes later, until it took effect, and at times once more.
 */
export async function deleteAccount(world: World, notes: Notes, deletion: Deletion): Promise<void> {
  const { scheduler, replicas, wallets } = world;
  const userId = `customer-${deletion.customer}`;
  await scheduler.sleep(deletion.at);
  wallets.close(userId);
  notes.departed.add(userId);
  await scheduler.sleep(deletion.heardAfter);
  for (let place = deletion.customer; ; place++) {
    const replica = replicas[place % replicas.length];
    const late = scheduler.sleep(AGAIN_MS).then(() => false);
    const heard = replica?.closeOrders(userId).then(
      () => true,
      () => false,
    );
    if (await Promise.race([heard ?? late, late])) return;
    await late;
  }
}
