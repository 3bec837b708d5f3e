import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@souk/contracts/google/rpc/error_details_pb.js';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { type Clients, euro, newCustomer, newProduct, signIn } from './clients.ts';

const url = inject('gatewayUrl');
let admin: Clients;
let customers: Awaited<ReturnType<typeof newCustomer>>[];
beforeAll(async () => {
  const { email, password } = inject('admin');
  admin = await signIn(url, email, password);
  customers = [];
  for (let i = 0; i < 10; i++) {
    const customer = await newCustomer(url);
    await admin.wallets.grantCredit({
      requestId: randomUUID(),
      userId: customer.user.id,
      amount: euro(1_000_000),
    });
    customers.push(customer);
  }
});

/** Orders of `lines`, all at once, from the customers in turn: how each came out. */
async function orderAtOnce(count: number, lines: (n: number) => { productId: string; quantity: number }[]) {
  const outcomes = await Promise.allSettled(
    Array.from({ length: count }, (_, n) =>
      (customers[n % customers.length] as Clients).orders.createOrder({
        requestId: randomUUID(),
        lines: lines(n),
      }),
    ),
  );
  return outcomes.map((outcome) => {
    if (outcome.status === 'fulfilled') return 'PLACED';
    const error = ConnectError.from(outcome.reason);
    return `${Code[error.code]} ${error.findDetails(ErrorInfoSchema)[0]?.reason}`;
  });
}

const count = (outcomes: string[], one: string) => outcomes.filter((outcome) => outcome === one).length;

describe('contention', () => {
  it('200 buyers at once of 50 pieces: 50 orders, and 150 are told why not', async () => {
    const { id: productId } = await newProduct(admin, 100, 50);
    const outcomes = await orderAtOnce(200, () => [{ productId, quantity: 1 }]);
    expect(count(outcomes, 'PLACED')).toBe(50);
    expect(count(outcomes, 'FailedPrecondition INSUFFICIENT_STOCK')).toBe(150);
    const settled = async () => (await admin.stock.getStock({ productId })).stock;
    await expect.poll(settled, { timeout: 10_000 }).toMatchObject({ available: 0n, held: 0n, sold: 50n });
  });

  it('orders of the same products in any sequence of their lines all go through', async () => {
    const products = await Promise.all(Array.from({ length: 5 }, () => newProduct(admin, 100, 1_000)));
    const outcomes = await orderAtOnce(100, (n) =>
      products
        .map(({ id }) => ({ productId: id, quantity: 1 }))
        .sort(() => (n % 2 === 0 ? 1 : -1))
        .slice(0, 2 + (n % 4)),
    );
    expect(count(outcomes, 'PLACED')).toBe(100);
  });
});
