import { randomUUID } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { CreateOrderRequestSchema } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { GetProductRequestSchema } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { type LoadOptions, load } from './load.ts';

/** What is called, and of which products: each call takes the next. */
export interface Scenario extends LoadOptions {
  readonly method: 'GetProduct' | 'CreateOrder';
  readonly productIds: readonly string[];
}

// One load in a process of its own, so that its processor time isn't the servers'. Takes a Scenario as JSON and prints
// a LoadResult as JSON.
const { method, productIds, ...options }: Scenario = JSON.parse(process.argv[2] ?? '');
let calls = 0;
const result = await load(options, () => {
  const productId = productIds[calls++ % productIds.length] as string;
  if (method === 'GetProduct') {
    return toBinary(GetProductRequestSchema, create(GetProductRequestSchema, { productId }));
  }
  const order = { requestId: randomUUID(), lines: [{ productId, quantity: 1 }] };
  return toBinary(CreateOrderRequestSchema, create(CreateOrderRequestSchema, order));
});
console.log(JSON.stringify(result));
