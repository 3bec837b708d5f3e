import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../random.ts';
import { cancelOrder, changeOrder, type OwnOrder, readOrder } from './own-order.ts';
import { placeOrder } from './place-order.ts';
import type { Tally } from './tally.ts';
import type { Customer, World } from './world.ts';

/** Who does what on whose behalf. */
export interface Worker {
  readonly world: World;
  readonly customer: Customer;
  readonly random: Random;
  readonly tally: Tally;
  /** Whether to begin nothing more. */
  readonly stopping: () => boolean;
}

/** At least so long, in milliseconds, from one action of a worker to its next: the load is bounded. */
const paceMs = 250;

/** Places orders, and reads, changes and cancels its own, one thing at a time, until it is told to stop. */
export async function work(worker: Worker): Promise<void> {
  const { random, stopping } = worker;
  const own: OwnOrder[] = [];
  while (!stopping()) {
    const next = Date.now() + paceMs;
    const order = own.length > 0 ? random.pick(own) : undefined;
    const choice = random.integer(1, 100);
    if (order === undefined || choice <= 50) {
      const placed = await placeOrder(worker);
      if (placed) own.push(placed);
    } else if (choice <= 60) await readOrder(worker, order);
    else if (choice <= 80) await changeOrder(worker, order);
    else {
      await cancelOrder(worker, order);
      own.splice(own.indexOf(order), 1);
    }
    await sleep(Math.max(0, next - Date.now()));
  }
}
