import { DomainError } from '../../../platform/errors.ts';
import { formatEtag } from '../../../platform/paging/etag.ts';
import type { Order } from '../domain/order.ts';
import type { Coordinator } from '../transactions/coordinator.ts';
import type { Errand, Follow } from './scenario.ts';
import { PRODUCTS, type World } from './world.ts';

/** What a customer was told. */
export type Reply =
  | { readonly kind: 'placed' | 'changed' | 'cancelled'; readonly order: Order }
  | { readonly kind: 'deleted'; readonly orderId: string }
  /** A refusal for good. */
  | { readonly kind: 'refused'; readonly userId: string; readonly reason: string };

/** What customers asked for and were told. */
export interface Notes {
  readonly replies: Reply[];
  /** Orders that somebody asked to cancel or delete. */
  readonly cancels: Set<string>;
  /** Customers whose account was deleted. */
  readonly departed: Set<string>;
}

/** How long a customer waits for an answer before asking again. */
const TIMEOUT_MS = 11_000;
const ATTEMPTS = 5;
const linesOf = (quantities: readonly number[]) =>
  PRODUCTS.map((productId, index) => ({ productId, quantity: quantities[index] ?? 0 })).filter(
    ({ quantity }) => quantity > 0,
  );

/** Calls a replica that is up, the next one after each failure that a repeat may cure. Undefined: gave up. */
async function ask<T>(
  world: World,
  place: number,
  call: (replica: Coordinator) => Promise<T>,
): Promise<T | DomainError | undefined> {
  const { scheduler, replicas } = world;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const replica = replicas[(place + attempt) % replicas.length];
    if (replica !== undefined) {
      const late = scheduler.sleep(TIMEOUT_MS).then(() => undefined);
      const answer = await Promise.race([call(replica).catch((error: unknown) => error), late]);
      const again =
        answer === undefined ||
        (answer instanceof DomainError && ['UNAVAILABLE', 'DEADLINE_EXCEEDED'].includes(answer.kind));
      if (answer instanceof Error && !(answer instanceof DomainError)) throw answer;
      if (!again) return answer as T | DomainError;
    }
    await scheduler.sleep(500);
  }
  return undefined;
}

/** Lets a customer run an errand: order, and then, at the same time, whatever comes after. */
export async function run(world: World, notes: Notes, errand: Errand, place: number): Promise<void> {
  const userId = `customer-${place}`;
  await world.scheduler.sleep(errand.at);
  const lines = linesOf(errand.quantities);
  const request = { userId, requestId: `request-${place}`, lines, traceparent: '' };
  const create = (replica: Coordinator) =>
    replica.createOrder({ ...request, deadline: world.scheduler.now + TIMEOUT_MS });
  const [answer] = await Promise.all([
    ask(world, place, create),
    errand.twice ? ask(world, place + 1, create).then((order) => note(notes, userId, order)) : undefined,
  ]);
  note(notes, userId, answer);
  if (answer === undefined || answer instanceof DomainError) return;
  await Promise.all(errand.follows.map((follow) => runFollow(world, notes, follow, answer, place)));
}

function note(notes: Notes, userId: string, answer: Order | DomainError | undefined): void {
  if (answer instanceof DomainError) notes.replies.push({ kind: 'refused', userId, reason: answer.reason });
  else if (answer !== undefined) notes.replies.push({ kind: 'placed', order: answer });
}

async function runFollow(world: World, notes: Notes, follow: Follow, placed: Order, place: number) {
  await world.scheduler.sleep(follow.after);
  const { id: orderId, userId } = placed;
  const viewer = { userId, admin: false };
  if (follow.kind !== 'update') notes.cancels.add(orderId);
  if (follow.kind === 'delete') {
    const answer = await ask(world, place, async (replica) => {
      await replica.deleteOrder({ viewer, orderId, traceparent: '' });
      return true;
    });
    if (answer === true) notes.replies.push({ kind: 'deleted', orderId });
    return;
  }
  const current = world.tables.rows.get(orderId)?.order ?? placed;
  const etag = formatEtag(current.version);
  // Not repeatable, so it is sent once: a repeat would be ABORTED by its own first attempt.
  const answer =
    follow.kind === 'cancel'
      ? await ask(world, place, (replica) =>
          replica.cancelOrder({ viewer, orderId, etag: '', traceparent: '' }),
        )
      : await world.replicas[place % world.replicas.length]
          ?.updateOrder({ viewer, orderId, etag, lines: linesOf(follow.quantities), traceparent: '' })
          .catch((error: unknown) => error);
  if (answer instanceof Error && !(answer instanceof DomainError)) throw answer;
  if (answer === undefined || answer instanceof DomainError) return;
  notes.replies.push({ kind: follow.kind === 'cancel' ? 'cancelled' : 'changed', order: answer as Order });
}
