import { createRegistry, fromBinary } from '@bufbuild/protobuf';
import {
  OrderCancelledSchema,
  type OrderPlaced,
  OrderPlacedSchema,
  OrderRejectedSchema,
  OrderUpdatedSchema,
} from '@souk/contracts/shop/order/v1/order_events_pb.js';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { uuidv7 } from '../../../platform/id.ts';
import { testDatabase } from '../../../platform/testing/database.ts';
import { FIRST_EPOCH } from '../../../platform/transaction/log.ts';
import { logOf, MemoryLog } from '../../../platform/transaction/model/memory-log.ts';
import { Process } from '../../../platform/transaction/model/process.ts';
import { Scheduler } from '../../../platform/transaction/model/scheduler.ts';
import { createSqlLog } from '../../../platform/transaction/sql-log.ts';
import type { Basket } from '../domain/lines.ts';
import { DECIDED_VERSION, type Order } from '../domain/order.ts';
import { closeOrders } from '../store/closing-store.ts';
import { createOrderStore } from '../store/order-store.ts';
import { createPlacementStore } from '../store/placement-store.ts';
import { OrderTables, ordersOf, placementsOf } from './stores.ts';

const { sql } = await testDatabase('order');
const real = {
  orders: createOrderStore(sql),
  placements: createPlacementStore(sql),
  log: createSqlLog(sql),
  close: async (userId: string) =>
    (await sql.begin((tx) => closeOrders(tx, [{ userId, traceparent: TRACE }]))).sort(),
};
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const CALM = { loss: 0, duplication: 0, slowness: 0, failure: 0, untilMs: 0 };
const ALL = new Set<never>();

/** The stores of the model, whose time passes only while a call of theirs is waited for. */
function modelStores() {
  const scheduler = new Scheduler(1);
  const table = new MemoryLog({ now: () => scheduler.now }, ALL);
  const tables = new OrderTables(table, () => new Date(scheduler.now));
  const process = new Process(scheduler, CALM, [], { count: 0 }, () => {});
  const stores = {
    orders: ordersOf(process, tables, ALL),
    placements: placementsOf(process, tables, ALL),
    log: logOf(process, table, ALL),
    close: (userId: string) => process.write(() => tables.closeOrders(userId, uuidv7, ALL).sort()),
  };
  return async <T>(call: (all: typeof stores) => Promise<T>): Promise<T> => {
    let over = false;
    const answer = call(stores).finally(() => {
      over = true;
    });
    await scheduler.run(Number.POSITIVE_INFINITY, () => over);
    return answer;
  };
}

const basket = (quantity: number): Basket => {
  const line = {
    productId: '019a0000-0000-7000-8000-000000000001',
    productName: 'Lamp',
    unitPrice: 5n,
    quantity,
  };
  return { lines: [line], currency: 'EUR', total: 5n * BigInt(quantity) };
};
const NOTHING = { take: [], giveBack: [] };

/** The decisions about an order, by what is to be published of them. */
async function changed(orderId: string): Promise<string[]> {
  const rows = await sql<{ state: string; version: bigint }[]>`
    select state, version from order_changes where order_id = ${orderId} and version > 1 order by version`;
  return rows.map(({ state, version }) =>
    state === 'PLACED' && version > DECIDED_VERSION
      ? `OrderUpdated ${version}`
      : `${EVENTS[state]} ${version}`,
  );
}

const EVENTS: Record<string, string> = {
  PLACED: 'OrderPlaced',
  REJECTED: 'OrderRejected',
  CANCELLED: 'OrderCancelled',
};
const registry = createRegistry(
  OrderPlacedSchema,
  OrderUpdatedSchema,
  OrderCancelledSchema,
  OrderRejectedSchema,
);

/** What is in the outbox of an order, in its order. */
async function published(orderId: string): Promise<string[]> {
  const rows = await sql<{ type: string; data: Uint8Array }[]>`
    select type, data from outbox where subject = ${orderId} and traceparent = ${TRACE} order by seq`;
  return rows.map(({ type, data }) => {
    const schema = registry.getMessage(type);
    if (schema === undefined) throw new Error(`an event of type ${type}`);
    const message = fromBinary(schema, data) as unknown as OrderPlaced;
    expect(message.orderId).toBe(orderId);
    return `${schema.name} ${message.version}`;
  });
}

const which = fc.constantFrom(0, 0, 1);
const version = fc.constantFrom(1n, 2n, 2n, 3n);
type Call =
  | { kind: 'begin'; which: number }
  | { kind: 'place'; which: number }
  | { kind: 'start'; which: number }
  | { kind: 'hide'; which: number }
  | { kind: 'reject'; which: number; reason: string }
  | { kind: 'replace'; which: number; version: bigint; quantity: number }
  | { kind: 'cancel'; which: number; version: bigint; gone: boolean }
  | { kind: 'close'; which: number };
const call: fc.Arbitrary<Call> = fc.oneof(
  fc
    .tuple(fc.constantFrom('begin', 'place', 'start', 'hide'), which)
    .map(([kind, which]) => ({ kind, which }) as Call),
  fc.record({
    kind: fc.constant('reject' as const),
    which,
    reason: fc.constantFrom('INTERRUPTED', 'SOLD_OUT'),
  }),
  fc.record({
    kind: fc.constant('replace' as const),
    which,
    version,
    quantity: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({
    kind: fc.constant('cancel' as const),
    which,
    version,
    gone: fc.boolean(),
  }),
  fc.constant<Call>({ kind: 'close', which: 0 }),
);
/** Mostly of an order that has come some way already. */
const calls = fc
  .tuple(fc.nat(3), fc.array(call, { minLength: 1, maxLength: 10 }))
  .map(([steps, rest]): Call[] => [
    ...(['begin', 'place', 'start'] as const).slice(0, steps).map((kind) => ({ kind, which: 0 }) as Call),
    ...rest,
  ]);

/** What both must agree on: all but the time of it. */
const timeless = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)),
    (key, inner) => (/At$/.test(key) || /^\d{4}-\d\d-\d\dT/.test(String(inner)) ? 'a time' : inner),
  );

test('the stores in SQL answer as those that the model runs on', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(calls, async (given) => {
      const inModel = modelStores();
      const request = { userId: uuidv7(), requestId: uuidv7(), fingerprint: 'ab'.repeat(32) };
      // Two attempts under one request id, so that one is in the way of the other.
      const placements = [0, 1].map(() => ({
        orderId: uuidv7(),
        transactionId: uuidv7(),
        traceparent: TRACE,
        ...request,
        ...basket(2),
      }));
      const updates = [uuidv7(), uuidv7()];
      const started = new Set<number>();
      const both = async <T>(what: string, call: (all: typeof real) => Promise<T>) => {
        const [actual, expected] = [timeless(await call(real)), timeless(await inModel(call))];
        expect(actual, `${what} of ${given.map(({ kind, which }) => `${kind} ${which}`).join()}`).toEqual(
          expected,
        );
        seen.add(`${what} ${actual !== null && actual !== false}`);
      };
      const begun = new Set<number>();
      for (const each of given) {
        const placement = placements[each.which] as (typeof placements)[number];
        const { orderId, transactionId, userId } = placement;
        const refTo = (id: string) => ({ id, entityId: orderId, epoch: FIRST_EPOCH, traceparent: TRACE });
        const update = refTo(updates[each.which] as string);
        if (each.kind === 'begin') {
          if (begun.has(each.which)) continue;
          begun.add(each.which);
          await both('begin', ({ placements }) => placements.begin(placement));
        } else if (each.kind === 'start') {
          if (started.has(each.which)) continue;
          started.add(each.which);
          await both('start', ({ log }) => log.start({ ...update, kind: 'update-order', input: 1 }));
        } else if (each.kind === 'place')
          await both('place', ({ placements }) => placements.place(placement));
        else if (each.kind === 'hide') await both('hide', ({ orders }) => orders.hide(orderId));
        else if (each.kind === 'reject') {
          const rejection = { reason: each.reason, subject: '' };
          await both('reject', ({ placements }) => placements.reject(refTo(transactionId), rejection, 'NO'));
        } else if (each.kind === 'replace') {
          const change = { version: each.version, basket: basket(each.quantity), userId, moved: NOTHING };
          await both('replace', ({ orders }) => orders.replaceLines(update, change));
        } else if (each.kind === 'close') await both('close', ({ close }) => close(userId));
        else {
          const read = { ...placement, id: orderId, version: each.version } as unknown as Order;
          const cancel = refTo(uuidv7());
          await both('cancel', ({ orders }) => orders.cancel(cancel, read, each.gone));
        }
        await both('get', ({ orders }) => orders.get(orderId));
        await both('find', ({ placements }) => placements.find(request.userId, request.requestId));
        await both('is confirming', ({ log }) => log.findCommitting('create-order', orderId));
      }
      for (const { orderId } of placements) expect(await published(orderId)).toEqual(await changed(orderId));
    }),
    { numRuns: 80 },
  );
  for (const what of ['begin', 'place', 'reject', 'replace', 'cancel', 'get', 'find', 'is confirming'])
    for (const came of [true, false]) expect(seen).toContain(`${what} ${came}`);
});
