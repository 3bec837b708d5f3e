import { randomUUID } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, type DescMessage } from '@bufbuild/protobuf';
import type { Order } from '@souk/contracts/shop/order/v1/order_pb.js';
import {
  ProductCreatedSchema,
  ProductDeletedSchema,
  ProductUpdatedSchema,
} from '@souk/contracts/shop/product/v1/product_events_pb.js';
import {
  UserDeletedSchema,
  UserRegisteredSchema,
  UserUpdatedSchema,
} from '@souk/contracts/shop/user/v1/user_events_pb.js';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Subscription } from '../../platform/events/consumer/subscription.ts';
import type { Received } from '../../platform/events/event.ts';
import { partitionOf } from '../../platform/events/event.ts';
import { uuidv7 } from '../../platform/id.ts';
import { childSpan } from '../../platform/telemetry/trace.ts';
import { createDisplayNames, type DisplayName } from './clients/display-names.ts';
import { createSubscriptions } from './subscriptions.ts';
import { orderShop } from './testing/orders.ts';

const { sql, participants: shop, userEvents, productEvents, start } = await orderShop();

/** Replicas share the partitions first, and take a snapshot. */
const SOON = { timeout: 10_000 };

/** A customer with an order of one lamp, whose names have come here. */
async function known(replica: Awaited<ReturnType<typeof start>>) {
  const [userId, lamp] = [shop.addUser(1_000), shop.addProduct(100, 10)];
  shop.names.set(userId, { displayName: 'Ada', version: 1n });
  userEvents.publish(UserRegisteredSchema, userId, { userId, version: 1n });
  productEvents.publish(ProductCreatedSchema, lamp, { productId: lamp, name: 'Lamp', version: 1n });
  const client = await replica.client(userId);
  const lines = [{ productId: lamp, quantity: 1 }];
  const { order } = await client.createOrder({ requestId: randomUUID(), lines });
  const orderId = (order as Order).id;
  const names = async () => {
    const { order } = await client.getOrder({ orderId });
    const { orders } = await client.listOrders({});
    expect(orders).toEqual([order]);
    return [order?.customerName, order?.lines[0]?.currentProductName];
  };
  return { userId, lamp, order: order as Order, names, client };
}

describe('an order that is read', () => {
  let replica: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    replica = await start({ recover: true });
  });

  it('comes with the names of now, those it was placed with stay', async () => {
    const { userId, lamp, order, names, client } = await known(replica);
    expect(order).toMatchObject({ customerName: '', lines: [{ currentProductName: '' }] });
    await expect.poll(names, SOON).toEqual(['Ada', 'Lamp']);

    shop.names.set(userId, { displayName: 'Ada L.', version: 2n });
    userEvents.publish(UserUpdatedSchema, userId, { userId, version: 2n });
    productEvents.publish(ProductUpdatedSchema, lamp, { productId: lamp, name: 'Bright lamp', version: 2n });
    await expect.poll(names, SOON).toEqual(['Ada L.', 'Bright lamp']);
    const { order: read } = await client.getOrder({ orderId: order.id });
    expect(read?.lines[0]?.productName).toBe(order.lines[0]?.productName);
  });

  it('has no name of a product that left the catalogue', async () => {
    const { lamp, names } = await known(replica);
    await expect.poll(names, SOON).toEqual(['Ada', 'Lamp']);
    productEvents.publish(ProductDeletedSchema, lamp, { productId: lamp, version: 2n });
    await expect.poll(names, SOON).toEqual(['Ada', '']);
  });

  it('has no name of a person who is gone, nor has the database', async () => {
    const { userId, names } = await known(replica);
    await expect.poll(names, SOON).toEqual(['Ada', 'Lamp']);
    shop.deleteUser(userId);
    userEvents.publish(UserDeletedSchema, userId, { userId, version: 2n });
    await expect.poll(names, SOON).toEqual(['', 'Lamp']);
    expect(await sql`select * from user_copies where id = ${userId}`).toEqual([
      { id: userId, version: 2n, name: null },
    ]);
  });

  it('gets its names once the user service answers again', async () => {
    shop.inject('batchGetDisplayNames', 'fail', 'lose');
    const { names } = await known(replica);
    await expect.poll(names, SOON).toEqual(['Ada', 'Lamp']);
  });
});

describe('the copies', () => {
  const asked: string[][] = [];
  const answers = new Map<string, DisplayName>();
  const [users, products] = createSubscriptions({
    displayNames: {
      async read(ids) {
        asked.push([...ids]);
        return answers;
      },
    },
    closed() {},
  }) as [Subscription, Subscription];

  function event<Schema extends DescMessage>(
    schema: Schema,
    init: MessageInitShape<Schema> & { version: bigint },
  ) {
    const message = create(schema, init) as unknown as { userId?: string; productId?: string };
    const subject = message.userId ?? message.productId ?? '';
    const meta = { id: uuidv7(), source: '', time: new Date(), position: 1n, trace: childSpan(undefined) };
    return { ...meta, subject, message } as unknown as Received;
  }
  async function deliver(subscription: Subscription, ...events: Received[]) {
    const prepared = await subscription.prepare?.(events, AbortSignal.timeout(1_000));
    await sql.begin((tx) => subscription.handle(events, tx, prepared));
  }
  const copyOf = async (table: 'user' | 'product', id: string) => {
    const from = table === 'user' ? sql`user_copies` : sql`product_copies`;
    return (await sql`select version, name from ${from} where id = ${id}`)[0];
  };

  it('follow the last of many events of one subject', async () => {
    const productId = uuidv7();
    const updates = Array.from({ length: 50 }, (_, n) =>
      event(ProductUpdatedSchema, { productId, name: `Name ${n}`, version: BigInt(n + 2) }),
    );
    await deliver(
      products,
      event(ProductCreatedSchema, { productId, name: 'First', version: 1n }),
      ...updates,
    );
    expect(await copyOf('product', productId)).toEqual({ version: 51n, name: 'Name 49' });
  });

  it('never go back to an older version', async () => {
    const productId = uuidv7();
    await deliver(products, event(ProductUpdatedSchema, { productId, name: 'Newer', version: 5n }));
    await deliver(products, event(ProductUpdatedSchema, { productId, name: 'Older', version: 4n }));
    expect(await copyOf('product', productId)).toEqual({ version: 5n, name: 'Newer' });
    await deliver(products, event(ProductDeletedSchema, { productId, version: 6n }));
    await deliver(products, event(ProductUpdatedSchema, { productId, name: 'Newer', version: 5n }));
    expect(await copyOf('product', productId)).toEqual({ version: 6n, name: null });
  });

  it('take a person’s name in the version that the answer is of, and ask for nobody who is gone', async () => {
    const [ada, bob, cleo] = [uuidv7(), uuidv7(), uuidv7()];
    answers.set(ada, { name: 'Ada, later', version: 7n }).set(bob, { name: 'Bob', version: 1n });
    asked.length = 0;
    await deliver(
      users,
      event(UserRegisteredSchema, { userId: ada, version: 1n }),
      event(UserRegisteredSchema, { userId: bob, version: 1n }),
      event(UserUpdatedSchema, { userId: ada, version: 2n }),
      event(UserRegisteredSchema, { userId: cleo, version: 1n }),
      event(UserDeletedSchema, { userId: bob, version: 2n }),
    );
    expect(asked).toEqual([[ada, cleo]]);
    expect(await copyOf('user', ada)).toEqual({ version: 7n, name: 'Ada, later' });
    expect(await copyOf('user', bob)).toEqual({ version: 2n, name: null });
    // Deleted before it was asked for: the event of that is still to come.
    expect(await copyOf('user', cleo)).toBeUndefined();
    answers.set(ada, { name: 'Ada, before', version: 6n });
    await deliver(users, event(UserUpdatedSchema, { userId: ada, version: 6n }));
    expect(await copyOf('user', ada)).toEqual({ version: 7n, name: 'Ada, later' });
  });

  it('of one partition are removed alone', async () => {
    const ids = Array.from({ length: 40 }, () => uuidv7());
    const created = (productId: string) =>
      event(ProductCreatedSchema, { productId, name: 'Lamp', version: 1n });
    await deliver(products, ...ids.map(created));
    await sql.begin(async (tx) => products.reset?.(tx, 5));
    const left = await sql<{ id: string }[]>`select id from product_copies where id = any (${ids}::uuid[])`;
    expect(left.map(({ id }) => id).sort()).toEqual(ids.filter((id) => partitionOf(id) !== 5).sort());
  });

  it('are asked for in as many calls as the contract needs', async () => {
    const sizes: number[] = [];
    const names = createDisplayNames({
      async batchGetDisplayNames({ userIds = [] }) {
        sizes.push(userIds.length);
        return { names: userIds.map((userId) => ({ userId, displayName: 'Ada', version: 1n })) } as never;
      },
    });
    const ids = Array.from({ length: 1_001 }, () => uuidv7());
    expect((await names.read(ids, {})).size).toBe(1_001);
    expect(sizes).toEqual([500, 500, 1]);
    expect((await names.read([], {})).size).toBe(0);
    expect(sizes).toHaveLength(3);
  });
});
