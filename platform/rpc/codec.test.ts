import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { CreateOrderRequestSchema } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { TakeRequestSchema } from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import { expect, test } from 'vitest';
import type { DomainError } from '../errors.ts';
import { uuidv7 } from '../id.ts';
import { decodeRequest } from './codec.ts';

/** The fault that the pipeline finds in a message, if any. */
function faultOf<Desc extends DescMessage>(
  schema: Desc,
  init: MessageInitShape<Desc>,
): DomainError | undefined {
  try {
    decodeRequest(schema, toBinary(schema, create(schema, init)));
  } catch (error) {
    return error as DomainError;
  }
  return undefined;
}
const lines = (count: number) => Array.from({ length: count }, () => ({ productId: uuidv7(), quantity: 1 }));
const order = (count: number) =>
  faultOf(CreateOrderRequestSchema, { requestId: uuidv7(), lines: lines(count) });
const invalid = { kind: 'INVALID_ARGUMENT', reason: 'REQUEST_INVALID' };

test('a list may be as long as its rule says, and no longer', () => {
  expect(order(100)).toBeUndefined();
  expect(order(101)).toMatchObject({ ...invalid, violations: [{ field: 'lines' }] });
});

test('a list of many thousand items is refused by its length, before rules that it would exhaust', () => {
  for (const count of [10_000, 20_000]) {
    const began = performance.now();
    expect(order(count)).toMatchObject({ ...invalid, violations: [{ field: 'lines' }] });
    expect(performance.now() - began).toBeLessThan(1_000);
  }
});

test('a list inside the items of a list counts too', () => {
  const branch = { transactionId: uuidv7(), branchId: 'stock' };
  const take = (count: number) => faultOf(TakeRequestSchema, { branches: [{ branch, lines: lines(count) }] });
  expect(take(100)).toBeUndefined();
  expect(take(10_000)).toMatchObject({ ...invalid, violations: [{ field: 'lines' }] });
});

test('a rule over several items names what it is about', () => {
  const [line] = lines(1);
  const twice = faultOf(CreateOrderRequestSchema, { requestId: uuidv7(), lines: [line, line] as never });
  expect(twice).toMatchObject({ ...invalid, violations: [{ field: 'lines' }] });
});

test('quantities 0 and 2^31 are refused', () => {
  for (const quantity of [0, 2 ** 31]) {
    const fault = faultOf(CreateOrderRequestSchema, {
      requestId: uuidv7(),
      lines: [{ productId: uuidv7(), quantity }],
    });
    expect(fault).toMatchObject({ ...invalid, violations: [{ field: 'lines[0].quantity' }] });
  }
});
