import { randomUUID } from 'node:crypto';
import { json } from 'node:stream/consumers';
import { create, toBinary } from '@bufbuild/protobuf';
import { CreateOrderRequestSchema } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { GetProductRequestSchema } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { type LoadOptions, load } from './one-method.ts';

/** What is called, and of which products: each call takes the next. */
export interface Scenario extends Omit<LoadOptions, 'path'> {
  readonly method: keyof typeof METHODS;
  readonly productIds: readonly string[];
}

const METHODS = {
  GetProduct: {
    path: '/shop.product.v1.ProductService/GetProduct',
    encode: (productId: string) =>
      toBinary(GetProductRequestSchema, create(GetProductRequestSchema, { productId })),
  },
  CreateOrder: {
    path: '/shop.order.v1.OrderService/CreateOrder',
    encode(productId: string) {
      const order = { requestId: randomUUID(), lines: [{ productId, quantity: 1 }] };
      return toBinary(CreateOrderRequestSchema, create(CreateOrderRequestSchema, order));
    },
  },
};

// One load in a process of its own, so that its processor time isn't the servers'. Takes a Scenario as JSON on stdin and
// prints a LoadResult as JSON.
const { method, productIds, ...options } = (await json(process.stdin)) as Scenario;
const { path, encode } = METHODS[method];
let calls = 0;
const result = await load({ ...options, path }, () =>
  encode(productIds[calls++ % productIds.length] as string),
);
console.log(JSON.stringify(result));
