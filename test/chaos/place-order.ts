import { OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import type { CreateOrderResponse } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { linesKey, type RequestRecord, type Wanted } from '../invariants/given.ts';
import type { Random } from '../random.ts';
import { insist, type Known } from './insist.ts';
import type { OwnOrder } from './own-order.ts';
import type { Worker } from './worker.ts';
import { noteRequest } from './world.ts';

/** So many attempts, with their pauses, last longer than any outage that is made. */
export const persistent = 60;

/** One to four products, often one that is scarce. */
export function someLines(products: readonly string[], random: Random): Wanted[] {
  const count = random.integer(1, 4);
  return random
    .shuffle(products)
    .slice(0, count)
    .map((productId) => ({ productId, quantity: random.integer(1, 3) }));
}

/** Places an order under one request_id, however often it takes; undefined if none was placed that it knows of. */
export async function placeOrder(worker: Worker): Promise<OwnOrder | undefined> {
  const { world, customer, random, tally } = worker;
  const lines = someLines(world.products, random);
  const record = noteRequest(world, customer, lines);
  const request = { requestId: record.requestId, lines };
  // Some give up and never learn what came of it; some send the request twice at once.
  const patience = { random, tally, attempts: random.percent(5) ? 1 : persistent };
  const send = () =>
    insist('CreateOrder', (options) => customer.clients.orders.createOrder(request, options), patience);
  const replies = await Promise.all(random.percent(10) ? [send(), send()] : [send()]);
  for (const reply of replies) note(worker, record, reply);
  const [etag] = replies.flatMap((reply) => (reply.kind === 'ok' ? (reply.value.order?.etag ?? []) : []));
  return etag === undefined ? undefined : { record, etag, settled: true };
}

/** Writes down what a reply said, and whether it goes with what was said before. */
function note({ world }: Worker, record: RequestRecord, reply: Known<CreateOrderResponse>): void {
  const wrong = (what: string) =>
    world.contradictions.push(`CreateOrder ${record.requestId}: ${what}, after ${JSON.stringify(record)}`);
  if (reply.kind === 'unknown') return;
  if (reply.kind === 'refused') {
    if (record.creation === 'placed') wrong(`refused (${reply.reason})`);
    record.creation = 'refused';
    return;
  }
  const { order } = reply.value;
  if (order?.state !== OrderState.PLACED) return void wrong(`answered ${order && OrderState[order.state]}`);
  if (record.creation === 'refused') wrong('placed');
  if (record.orderId !== undefined && record.orderId !== order.id) wrong(`a second order ${order.id}`);
  if (linesKey(order.lines) !== linesKey(record.lines[0] ?? [])) wrong('other lines');
  record.creation = 'placed';
  record.orderId = order.id;
}
