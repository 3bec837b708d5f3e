import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  GetProductRequestSchema,
  GetProductResponseSchema,
} from '@souk/contracts/shop/product/v1/product_service_pb.js';

// The peer: a bare grpc-js server that decodes GetProduct's request and answers with a product of the usual size, with
// no authentication, validation, metrics or database. Prints its port.
const response = create(GetProductResponseSchema, {
  product: {
    id: '01936f2e-7b1c-7c3e-8f00-000000000001',
    name: 'Walnut reading lamp',
    description: 'A lamp of oiled walnut with a brass arm that turns without a squeak. '.repeat(3),
    price: { currencyCode: 'EUR', minorUnits: 12_900n },
    available: 42n,
    etag: '1',
    createTime: { seconds: 1_790_000_000n, nanos: 0 },
    updateTime: { seconds: 1_790_000_000n, nanos: 0 },
  },
});

const server = new Server();
server.addService(
  {
    getProduct: {
      path: '/shop.product.v1.ProductService/GetProduct',
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: (bytes: Buffer) => fromBinary(GetProductRequestSchema, bytes),
      responseSerialize: () => Buffer.from(toBinary(GetProductResponseSchema, response)),
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  },
  {
    getProduct: (_call: unknown, answer: (error: null, value: typeof response) => void) =>
      answer(null, response),
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
