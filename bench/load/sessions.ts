import { randomUUID } from 'node:crypto';
import type {
  DescMessage,
  DescMethodUnary,
  Message,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { Order } from '@souk/contracts/shop/order/v1/order_pb.js';
import { type GetOrderResponse, OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { ProductOrder, ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import { WalletService } from '@souk/contracts/shop/user/v1/wallet_service_pb.js';
import type { Random } from '../../test/random.ts';
import type { Answer, Call } from './client.ts';
import type { OrderBook } from './order-book.ts';

/** What one person does, a call after the other: it gives a call, and takes what that came to. */
export type Session = Generator<Call, void, Outcome>;
/** An answer, and how often the call was sent for it. */
export type Outcome = Answer & { readonly attempts: number };

/** A person with an account. */
export interface Customer {
  readonly userId: string;
  readonly email: string;
  /** An access token. */
  readonly token: string;
}

/** Whom and what sessions are about. */
export interface World {
  readonly customers: readonly Customer[];
  /** The password of them all. */
  readonly password: string;
  readonly adminToken: string;
  /** Ids of products of which there is more than is ever sold. */
  readonly productIds: readonly string[];
}

/** What a session needs. */
export interface SessionContext {
  readonly world: World;
  readonly random: Random;
  readonly book: OrderBook;
}

/** What somebody new is given, in cents. */
export const CREDIT = 10n ** 10n;

const WORDS = ['lamp', 'oak', 'linen', 'blue', 'handmade', 'chair', 'copper'];
const ORDERS = [ProductOrder.NEWEST, ProductOrder.PRICE, ProductOrder.NAME, ProductOrder.BEST_SELLING];

/** One call; what it came to. */
function* call<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  token: string,
  request: MessageInitShape<I>,
  verify?: Call['verify'],
): Generator<Call, { reply?: MessageShape<O>; outcome: Outcome }, Outcome> {
  const outcome = yield { method, token, request, ...(verify && { verify }) };
  return outcome.ok ? { reply: outcome.reply as MessageShape<O>, outcome } : { outcome };
}

/** Looks at a list, in one order or by a word, and at some of what is in it. */
export function* browse({ random }: SessionContext, { token }: Customer): Session {
  const query = random.percent(30) ? random.pick(WORDS) : '';
  const { reply } = yield* call(ProductService.method.listProducts, token, {
    pageSize: 20,
    query,
    orderBy: random.pick(ORDERS),
  });
  if (!reply || reply.products.length === 0) return;
  const looks = random.integer(1, 4);
  for (let n = 0; n < looks; n++) {
    const { id } = random.pick(reply.products);
    yield* call(ProductService.method.getProduct, token, { productId: id });
  }
}

/** Browses, orders, looks at the order, and now and then changes or cancels it. */
export function* buy(context: SessionContext, customer: Customer): Session {
  const { random } = context;
  yield* browse(context, customer);
  const { token } = customer;
  const order = yield* place(context, customer, wares(context));
  if (!order) return;
  const orderId = order.id;
  yield* call(OrderService.method.getOrder, token, { orderId });
  if (random.percent(50)) yield* change(context, token, order);
  if (random.percent(30)) yield* cancel(context, token, orderId);
  yield* call(OrderService.method.listOrders, token, { pageSize: 10 });
}

/** Logs in first. */
export function* logInAndBuy(context: SessionContext, customer: Customer): Session {
  const { email } = customer;
  const { password } = context.world;
  const { reply } = yield* call(UserService.method.login, '', { email, password });
  if (reply?.session) yield* buy(context, { ...customer, token: reply.session.accessToken });
}

/** Registers, logs in, is given credit by the admin, and buys. */
export function* registerAndBuy(context: SessionContext): Session {
  const { book, world } = context;
  const email = `load-${randomUUID()}@example.com`;
  const { password } = world;
  const account = { requestId: randomUUID(), email, password, displayName: 'Ada' };
  const { reply } = yield* call(UserService.method.register, '', account);
  if (!reply?.user) return;
  const userId = reply.user.id;
  const amount = { currencyCode: 'EUR', minorUnits: CREDIT };
  const grant = { requestId: randomUUID(), userId, amount };
  const granted = yield* call(WalletService.method.grantCredit, world.adminToken, grant);
  if (!granted.reply) return;
  book.granted(userId, Number(CREDIT));
  yield* logInAndBuy(context, { userId, email, token: '' });
}

/** Orders once, and nothing else. */
export function* checkOut(context: SessionContext, customer: Customer): Session {
  yield* place(context, customer, wares(context));
}

/** Looks at the one product that everybody wants, and orders a piece of it. */
export function* grab(context: SessionContext, customer: Customer): Session {
  const productId = context.world.productIds[0] ?? '';
  yield* call(ProductService.method.getProduct, customer.token, { productId });
  yield* place(context, customer, [{ productId, quantity: 1 }]);
}

function wares({ world, random }: SessionContext) {
  const ids = new Set(Array.from({ length: random.integer(1, 3) }, () => random.pick(world.productIds)));
  return [...ids].map((productId) => ({ productId, quantity: random.integer(1, 3) }));
}

type Lines = ReturnType<typeof wares>;

function* place(
  { book }: SessionContext,
  { userId, token }: Customer,
  lines: Lines,
): Generator<Call, Order | undefined, Outcome> {
  const requestId = randomUUID();
  const record = book.asked(requestId, userId, lines);
  const { outcome, reply } = yield* call(OrderService.method.createOrder, token, { requestId, lines });
  book.placed(record, outcome, reply?.order);
  return reply?.order;
}

/** What an app does that lost the answer: it reads the order, which nobody else changes, and looks for another etag. */
function* change(
  context: SessionContext,
  token: string,
  { id: orderId, etag }: Order,
): Generator<Call, void, Outcome> {
  const { book } = context;
  const lines = wares(context);
  book.changing(orderId, lines);
  const { updateOrder, getOrder } = OrderService.method;
  const read = { method: getOrder, token, request: { orderId } };
  const done = (reply: Message) => (reply as GetOrderResponse).order?.etag !== etag;
  const request = { orderId, etag, lines };
  const { outcome } = yield* call(updateOrder, token, request, { call: read, done });
  book.changed(orderId, lines, outcome);
}

function* cancel({ book }: SessionContext, token: string, orderId: string): Generator<Call, void, Outcome> {
  book.cancelling(orderId);
  const { outcome } = yield* call(OrderService.method.cancelOrder, token, { orderId });
  book.cancelled(orderId, outcome);
}
