import { create } from '@bufbuild/protobuf';
import { EventSchema } from '@souk/contracts/shop/event/v1/event_pb.js';
import {
  ProductDeletedSchema,
  ProductUpdatedSchema,
} from '@souk/contracts/shop/product/v1/product_events_pb.js';
import { UserDeletedSchema } from '@souk/contracts/shop/user/v1/user_events_pb.js';
import { expect, test } from 'vitest';
import { uuidv7 } from '../../id.ts';
import { updated } from '../../testing/product-copies.ts';
import { catalogues } from './catalogue.ts';
import { subscribe } from './subscription.ts';

const nothing = { handle: async () => {} };
const products = subscribe('product', [ProductUpdatedSchema], nothing);
const [catalogue] = catalogues([products]) as [ReturnType<typeof catalogues>[number]];
const subject = '01890a5d-ac96-774b-bcce-b302099a805b';
const eventOf = (type: string) => create(EventSchema, { ...updated(subject, 3), type });

test('subscriptions are sorted by publisher', () => {
  const users = subscribe('user', [UserDeletedSchema], nothing);
  const deletions = subscribe('product', [ProductDeletedSchema], nothing);
  const sorted = catalogues([products, users, deletions]);
  expect(sorted.map(({ publisher, subscriptions }) => [publisher, subscriptions])).toEqual([
    ['product', [products, deletions]],
    ['user', [users]],
  ]);
  expect(sorted[0]?.types).toEqual(['shop.product.v1.ProductUpdated', 'shop.product.v1.ProductDeleted']);
  expect(() => catalogues([products, products])).toThrow('shop.product.v1.ProductUpdated of product has two');
});

test('an event is decoded once, for its subscription', () => {
  const item = catalogue.read(eventOf('shop.product.v1.ProductUpdated'));
  expect(item).toMatchObject({ partition: 3, known: { subscription: products } });
  expect(item.known?.received).toMatchObject({ subject, message: { name: 'v3', version: 3n } });
  expect(item.known?.received.trace).toBe(item.known?.received.trace);
});

test.each([
  ['shop.product.v2.ProductUpdated', 'UNKNOWN_VERSION'],
  ['shop.product.v10.ProductUpdated', 'UNKNOWN_VERSION'],
  ['shop.product.v1.ProductDeleted', undefined],
  ['shop.product.v2.ProductDeleted', undefined],
  ['shop.stock.v2.ProductUpdated', undefined],
  ['shop.product.ProductUpdated', undefined],
  ['', undefined],
])('of type %s the fault is %s', (type, reason) => {
  const item = catalogue.read(eventOf(type));
  expect(item.known).toBeUndefined();
  expect(item.fault?.reason).toBe(reason);
});

test('data that is no such message is a fault; an event without ids is refused', () => {
  const event = eventOf('shop.product.v1.ProductUpdated');
  expect(catalogue.read({ ...event, data: new Uint8Array([0x0a, 9]) }).fault?.reason).toBe(
    'EVENT_UNDECODABLE',
  );
  for (const bad of ['', 'x', `${uuidv7()}0`, subject.toUpperCase()]) {
    const malformed = expect.objectContaining({ reason: 'EVENT_MALFORMED' });
    expect(() => catalogue.read({ ...event, subject: bad })).toThrow(malformed);
    expect(() => catalogue.read({ ...event, id: bad })).toThrow(malformed);
  }
});
