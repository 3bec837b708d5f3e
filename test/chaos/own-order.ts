import { Code } from '@connectrpc/connect';
import { type Order, OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import { linesKey, type RequestRecord } from '../invariants/given.ts';
import { insist } from './insist.ts';
import { persistent, someLines } from './place-order.ts';
import type { Worker } from './worker.ts';

/** An order that a worker placed, which nobody else changes. */
export interface OwnOrder {
  readonly record: RequestRecord;
  /** Of the version that was told last. */
  etag: string;
  /** Whether that is known to be the latest version. */
  settled: boolean;
}

/** Reads an order, which must be as was told. */
export async function readOrder(worker: Worker, own: OwnOrder): Promise<void> {
  const { record } = own;
  const { clients } = worker.customer;
  const orderId = record.orderId ?? '';
  const read = await insist('GetOrder', (options) => clients.orders.getOrder({ orderId }, options), {
    ...worker,
    attempts: persistent,
  });
  if (read.kind === 'refused') contradiction(worker, own, `GetOrder: ${read.reason}`);
  if (read.kind === 'ok' && read.value.order) observe(worker, own, read.value.order);
}

/** Replaces an order's lines, and repeats it under the same etag until it is known whether that was done. */
export async function changeOrder(worker: Worker, own: OwnOrder): Promise<void> {
  const { world, customer, random } = worker;
  const { record, etag } = own;
  const lines = someLines(world.products, random);
  const before = record.lines;
  record.lines = [...before, lines];
  const orderId = record.orderId ?? '';
  const change = await insist(
    'UpdateOrder',
    (options) => customer.clients.orders.updateOrder({ orderId, etag, lines }, options),
    { ...worker, attempts: persistent },
  );
  if (change.kind === 'ok') {
    const { order } = change.value;
    if (!order) return contradiction(worker, own, 'UpdateOrder: no order');
    record.lines = [lines];
    own.etag = order.etag;
    own.settled = true;
    observe(worker, own, order);
  } else {
    const inDoubt = change.kind === 'unknown' || change.attempts > 1;
    if (!inDoubt) record.lines = before;
    if (!inDoubt && own.settled && change.code === Code.Aborted)
      contradiction(worker, own, `UpdateOrder: ${change.reason}`);
    // An attempt whose reply was lost may have been the one that counts, or may still come to count.
    if (inDoubt) own.settled = false;
    if (!own.settled) await readOrder(worker, own);
  }
}

/** Cancels an order, whatever its version, and repeats that until it is done. */
export async function cancelOrder(worker: Worker, own: OwnOrder): Promise<void> {
  const { record } = own;
  const { clients } = worker.customer;
  record.cancelled = 'maybe';
  const orderId = record.orderId ?? '';
  const cancel = await insist('CancelOrder', (options) => clients.orders.cancelOrder({ orderId }, options), {
    ...worker,
    attempts: persistent,
  });
  if (cancel.kind === 'refused') contradiction(worker, own, `CancelOrder: ${cancel.reason}`);
  if (cancel.kind !== 'ok') return;
  if (cancel.value.order?.state !== OrderState.CANCELLED) contradiction(worker, own, 'CancelOrder: not done');
  record.cancelled = 'yes';
}

/** Takes in an order that was read: a new etag tells that the latest lines that were asked for are now there. */
function observe(worker: Worker, own: OwnOrder, order: Order): void {
  const { record } = own;
  if (order.state !== OrderState.PLACED) contradiction(worker, own, `read as ${OrderState[order.state]}`);
  if (!record.lines.map(linesKey).includes(linesKey(order.lines)))
    contradiction(worker, own, 'read with other lines');
  if (order.etag !== own.etag) {
    if (own.settled) contradiction(worker, own, 'read in another version');
    own.etag = order.etag;
    own.settled = true;
    record.lines = [order.lines.map(({ productId, quantity }) => ({ productId, quantity }))];
  }
}

function contradiction({ world }: Worker, { record }: OwnOrder, what: string): void {
  world.contradictions.push(`${what}, after ${JSON.stringify(record)}`);
}
