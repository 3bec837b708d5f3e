import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema } from '@souk/contracts/google/rpc/error_details_pb.js';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { type Clients, clientsOf, euro, newCustomer, newProduct, signIn } from './clients.ts';

const url = inject('gatewayUrl');
const anonymous = clientsOf(url);
let admin: Clients;
let customer: Awaited<ReturnType<typeof newCustomer>>;
beforeAll(async () => {
  const { email, password } = inject('admin');
  [admin, customer] = await Promise.all([signIn(url, email, password), newCustomer(url)]);
});

/** What a failed call told: its code, its stable reason, and the paths of the fields at fault. */
async function failure(call: Promise<unknown>) {
  const error = await call.then(
    () => expect.fail('the call succeeded'),
    (reason) => ConnectError.from(reason),
  );
  // No answer may tell of what is inside.
  expect(error.rawMessage).not.toMatch(/select |insert |postgres|\.ts:|node_modules|\bat \S+ \(/i);
  return {
    code: error.code,
    reason: error.findDetails(ErrorInfoSchema)[0]?.reason,
    fields: error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations.map((v) => v.field)),
  };
}

const registration = () => ({
  requestId: randomUUID(),
  email: `${randomUUID()}@example.com`,
  password: 'correct horse',
  displayName: 'Ada',
});
const createOrder = (lines: { productId: string; quantity: number }[]) =>
  failure(customer.orders.createOrder({ requestId: randomUUID(), lines }));

describe('bad input', () => {
  it.each([
    ['an empty request id', { requestId: '' }, 'request_id'],
    ['an e-mail address that is none', { email: 'ada' }, 'email'],
    ['an oversized e-mail address', { email: `${'a'.repeat(300)}@example.com` }, 'email'],
    ['a short password', { password: 'short' }, 'password'],
    ['an oversized password', { password: 'p'.repeat(129) }, 'password'],
    ['an empty name', { displayName: '' }, 'display_name'],
    ['an oversized name', { displayName: 'n'.repeat(101) }, 'display_name'],
  ])('in Register: %s', async (_, fault, field) => {
    expect(await failure(anonymous.users.register({ ...registration(), ...fault }))).toMatchObject({
      code: Code.InvalidArgument,
      fields: [field],
    });
  });

  it.each([
    ['quantity 0', 0],
    ['quantity 2^31', 2 ** 31],
  ])('in CreateOrder: %s', async (_, quantity) => {
    expect(await createOrder([{ productId: randomUUID(), quantity }])).toMatchObject({
      code: Code.InvalidArgument,
      fields: ['lines[0].quantity'],
    });
  });

  it('in CreateOrder: no line, 10,000 lines, one product twice', async () => {
    const line = () => ({ productId: randomUUID(), quantity: 1 });
    const twice = line();
    for (const lines of [[], Array.from({ length: 10_000 }, line), [twice, twice]]) {
      expect(await createOrder(lines)).toMatchObject({ code: Code.InvalidArgument, fields: ['lines'] });
    }
  });

  it('in amounts: negative, overflowing, no currency', async () => {
    const create = (price: object) =>
      failure(admin.products.createProduct({ requestId: randomUUID(), name: 'Lamp', price }));
    const invalid = { code: Code.InvalidArgument };
    expect(await create(euro(-1))).toMatchObject({ ...invalid, fields: ['price.minor_units'] });
    expect(await create(euro(2n ** 63n - 1n))).toMatchObject({ ...invalid, fields: ['price.minor_units'] });
    expect(await create({ minorUnits: 1n })).toMatchObject({ ...invalid, fields: ['price.currency_code'] });
  });

  it('in ids: malformed, and unknown', async () => {
    expect(await failure(anonymous.products.getProduct({ productId: "' or 1=1 --" }))).toMatchObject({
      code: Code.InvalidArgument,
      fields: ['product_id'],
    });
    expect(await failure(anonymous.products.getProduct({ productId: randomUUID() }))).toMatchObject({
      code: Code.NotFound,
      reason: 'PRODUCT_NOT_FOUND',
    });
    expect(await createOrder([{ productId: randomUUID(), quantity: 1 }])).toMatchObject({
      code: Code.NotFound,
      reason: 'PRODUCT_NOT_FOUND',
    });
    const orderId = randomUUID();
    expect(await failure(customer.orders.getOrder({ orderId }))).toMatchObject({ code: Code.NotFound });
  });

  it('in page tokens: made up, and from another list', async () => {
    await Promise.all(Array.from({ length: 2 }, () => newProduct(admin, 1, 0)));
    const { nextPageToken } = await anonymous.products.listProducts({ pageSize: 1 });
    expect(nextPageToken).not.toBe('');
    const invalid = { code: Code.InvalidArgument, reason: 'PAGE_TOKEN_INVALID' };
    expect(await failure(anonymous.products.listProducts({ pageToken: 'AAAA' }))).toMatchObject(invalid);
    const otherFilter = anonymous.products.listProducts({ pageToken: nextPageToken, availableOnly: true });
    expect(await failure(otherFilter)).toMatchObject(invalid);
    expect(await failure(customer.orders.listOrders({ pageToken: nextPageToken }))).toMatchObject(invalid);
  });

  it('a stale etag is ABORTED', async () => {
    const product = await newProduct(admin, 100, 0);
    const rename = (name: string) =>
      admin.products.updateProduct({ product: { ...product, name }, updateMask: { paths: ['name'] } });
    await rename('Lamp');
    expect(await failure(rename('Lantern'))).toMatchObject({ code: Code.Aborted });
  });
});

describe('calls', () => {
  it('without a token are UNAUTHENTICATED, with the wrong role PERMISSION_DENIED', async () => {
    expect(await failure(anonymous.orders.listOrders({}))).toMatchObject({
      code: Code.Unauthenticated,
      reason: 'TOKEN_MISSING',
    });
    expect(await failure(customer.users.listUsers({}))).toMatchObject({ code: Code.PermissionDenied });
  });

  it('with a deadline already past are DEADLINE_EXCEEDED', async () => {
    expect(await failure(anonymous.products.listProducts({}, { timeoutMs: 0.01 }))).toMatchObject({
      code: Code.DeadlineExceeded,
    });
  });

  it('of 5 MB are RESOURCE_EXHAUSTED', async () => {
    const query = 'q'.repeat(5 * 1024 * 1024);
    expect(await failure(anonymous.products.listProducts({ query }))).toMatchObject({
      code: Code.ResourceExhausted,
    });
  });

  it('of internal methods have no route through the gateway', async () => {
    const branch = { transactionId: randomUUID(), branchId: 'wallet' };
    const charge = { branch, userId: customer.user.id, amount: euro(1) };
    expect(await failure(admin.wallets.charge({ branches: [charge] }))).toMatchObject({
      code: Code.Unimplemented,
    });
  });
});
