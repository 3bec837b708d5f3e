import { randomUUID } from 'node:crypto';
import { createClient, type Interceptor, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { StockService } from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import { WalletService } from '@souk/contracts/shop/user/v1/wallet_service_pb.js';

/** A client of each service, as another app would make them. */
export type Clients = ReturnType<typeof clientsOver>;

/** Clients over `transport`. */
export function clientsOver(transport: Transport) {
  return {
    users: createClient(UserService, transport),
    wallets: createClient(WalletService, transport),
    products: createClient(ProductService, transport),
    stock: createClient(StockService, transport),
    orders: createClient(OrderService, transport),
  };
}

/** Clients that call `url` by gRPC, with `token` where it is given. */
export function clientsOf(url: string, token?: string): Clients {
  return clientsOver(createGrpcTransport({ baseUrl: url, interceptors: token ? [bearer(token)] : [] }));
}

/** Sends `token` with each call. */
export function bearer(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  };
}

/** Signs in, and gives clients that act for that person. */
export async function signIn(url: string, email: string, password: string) {
  const { session, user } = await clientsOf(url).users.login({ email, password });
  if (!session || !user) throw new Error('Login answered without a session');
  return { ...clientsOf(url, session.accessToken), session, user };
}

/** Registers a new person and signs in. */
export async function newCustomer(url: string) {
  const email = `${randomUUID()}@example.com`;
  const password = 'correct horse battery';
  await clientsOf(url).users.register({ requestId: randomUUID(), email, password, displayName: 'Ada' });
  return { ...(await signIn(url, email, password)), email, password };
}

/** An amount in euro cents. */
export const euro = (minorUnits: bigint | number) => ({
  currencyCode: 'EUR',
  minorUnits: BigInt(minorUnits),
});

/** Adds a product with `pieces` in stock. */
export async function newProduct(
  admin: Clients,
  price: number,
  pieces: number,
  name = `Lamp ${randomUUID()}`,
) {
  const { product } = await admin.products.createProduct({
    requestId: randomUUID(),
    name,
    price: euro(price),
  });
  if (!product) throw new Error('CreateProduct answered without a product');
  if (pieces > 0) {
    await admin.stock.adjustStock({
      requestId: randomUUID(),
      productId: product.id,
      delta: BigInt(pieces),
    });
  }
  return product;
}
