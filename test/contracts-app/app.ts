import type { DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Client, credentials } from '@grpc/grpc-js';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';

const address = process.argv[2] ?? '';

// By @connectrpc/connect-node: the service descriptor is all it takes.
const products = createClient(ProductService, createGrpcTransport({ baseUrl: `http://${address}` }));
const byConnect = await products.listProducts({ pageSize: 1 });
const name: string | undefined = byConnect.products[0]?.name;

// By @grpc/grpc-js: the descriptor gives the path and both codecs.
const client = new Client(address, credentials.createInsecure());
function call<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/${method.parent.typeName}/${method.name}`,
      (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
      (bytes) => fromBinary(method.output, bytes),
      create(method.input, request),
      (error, response) => (error || !response ? reject(error) : resolve(response)),
    );
  });
}
const byGrpc = await call(ProductService.method.listProducts, { pageSize: 1 });
const sameName: string | undefined = byGrpc.products[0]?.name;
client.close();

console.log(JSON.stringify({ byConnect: name, byGrpc: sameName }));

/** Never called: the compiler must refuse both, or the calls aren't typed. */
export function refused(): void {
  // @ts-expect-error the contract has no such field
  products.listProducts({ pageSizes: 1 });
  // @ts-expect-error a string is no number
  call(ProductService.method.listProducts, { pageSize: '1' });
}
