import { createHash } from 'node:crypto';
import { fail } from '../../../platform/errors.ts';
import { FIRST_EPOCH } from '../../../platform/transaction/log.ts';
import { resumeTcc, runTcc, type Tcc } from '../../../platform/transaction/run-tcc.ts';
import type { Runtime } from '../../../platform/transaction/runtime.ts';
import type { Products } from '../clients/products.ts';
import type { Stock } from '../clients/stock.ts';
import type { Wallet } from '../clients/wallet.ts';
import { type Basket, normalizeWanted, priceLines, type Wanted } from '../domain/lines.ts';
import { advance, type Order } from '../domain/order.ts';
import { rejectionError } from '../domain/rejection.ts';
import type { PlacementStore, RequestKey } from '../store/placement-store.ts';
import type { Announce } from './announce.ts';

/** What an order needs from the participants. */
export interface PlacementInput extends Basket {
  readonly userId: string;
}

/** What CreateOrder works with. */
export interface CreateOrderParts {
  readonly products: Products;
  readonly stock: Stock;
  readonly wallet: Wallet;
  readonly placements: PlacementStore;
  readonly announce: Announce;
  readonly runtime: Runtime;
}

/** Placing an order is TCC: stock and credit are held, then both are the order's, or neither is. */
export function createOrderTcc(parts: Omit<CreateOrderParts, 'products'>): Tcc<PlacementInput, Date> {
  const { stock, wallet, placements, announce } = parts;
  return {
    kind: 'create-order',
    branches: [
      {
        name: 'stock',
        try: (transaction, { lines }) => stock.reserve(transaction, 'stock', lines),
        confirm: (transaction) => stock.confirm(transaction, 'stock'),
        cancel: (transaction) => stock.cancel(transaction, 'stock'),
      },
      {
        name: 'wallet',
        try: (transaction, { userId, currency, total }) =>
          wallet.hold(transaction, 'wallet', { userId, currency, amount: total }),
        confirm: (transaction) => wallet.confirm(transaction, 'wallet'),
        cancel: (transaction) => wallet.cancel(transaction, 'wallet'),
      },
    ],
    async commit({ id: transactionId, entityId: orderId, traceparent }, input) {
      const placedAt = await placements.place({ ...input, orderId, transactionId, traceparent });
      if (placedAt !== undefined) announce(orderId);
      return placedAt;
    },
    async rollBack(transaction, failure) {
      const rejected = await placements.reject(transaction, failure, failure.error);
      if (rejected) announce(transaction.entityId);
      return rejected;
    },
  };
}

/** A call of CreateOrder. */
export interface CreateOrder {
  readonly userId: string;
  readonly requestId: string;
  readonly lines: readonly Wanted[];
  /** When the caller stops waiting, in milliseconds since the epoch. */
  readonly deadline: number;
  /** W3C trace context of the call. Empty: unknown. */
  readonly traceparent: string;
}

const LONGEST_PAUSE_MS = 200;

/**
 * Places an order, once for each request id. A repeat gets the order as it was placed, or the same refusal; while the
 * first is under way it waits for it; if whoever ran that died, it goes on with the same transaction. An attempt that
 * failed for technical reasons counts as none.
 */
export function createOrderUseCase(
  parts: CreateOrderParts,
  tcc: Tcc<PlacementInput, Date>,
): (call: CreateOrder) => Promise<Order> {
  const { products, placements, runtime } = parts;
  const { transactions, clock } = runtime;

  return async (call) => {
    const wanted = normalizeWanted(call.lines);
    const request = { userId: call.userId, requestId: call.requestId, fingerprint: fingerprintOf(wanted) };
    for (;;) {
      const order =
        (await place(request, wanted, call.traceparent)) ?? (await earlier(request, call.deadline));
      if (order !== undefined) return order;
    }
  };

  /** A new order; undefined when there is an earlier request to answer from. */
  async function place(
    request: RequestKey,
    wanted: readonly Wanted[],
    traceparent: string,
  ): Promise<Order | undefined> {
    let basket: Basket;
    try {
      basket = priceLines(wanted, await products.offers(wanted.map(({ productId }) => productId)));
    } catch (error) {
      // The catalogue may have changed, or be away, since the request was first made.
      if ((await placements.find(request.userId, request.requestId)) === undefined) throw error;
      return undefined;
    }
    const [transactionId, orderId] = [runtime.newId(), runtime.newId()];
    const createdAt = await placements.begin({ ...request, ...basket, orderId, transactionId, traceparent });
    if (createdAt === undefined) return undefined;

    const { userId } = request;
    const transaction = { id: transactionId, entityId: orderId, epoch: FIRST_EPOCH, traceparent };
    const ending = await runTcc(runtime, tcc, transaction, { ...basket, userId });
    if (ending.kind === 'rolled-back') throw rejectionError(ending.failure, ending.failure.cause);
    if (ending.kind === 'overtaken') return undefined;
    const pending: Order = {
      ...basket,
      id: orderId,
      userId,
      state: 'PENDING',
      rejectReason: '',
      version: 1n,
      createdAt,
      updatedAt: createdAt,
    };
    return advance(pending, 'PLACED', ending.result);
  }

  /** The answer of an earlier request; undefined when it failed for technical reasons, so that it may begin anew. */
  async function earlier(request: RequestKey, deadline: number): Promise<Order | undefined> {
    for (let pause = 10; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const first = await placements.find(request.userId, request.requestId);
      if (first === undefined) return undefined;
      if (first.fingerprint !== request.fingerprint) throw requestIdReused();
      if (first.placed !== undefined) return first.placed;
      const { order, transactionId, rejectSubject } = first;
      if (order.state === 'REJECTED')
        throw rejectionError({ reason: order.rejectReason, subject: rejectSubject });
      const claimed = first.abandoned ? await transactions.claimOne(transactionId) : undefined;
      if (claimed !== undefined) {
        // Decided meanwhile, it only has to be brought to its end.
        if (claimed.state === 'RUNNING') await runTcc(runtime, tcc, claimed, order);
        else await resumeTcc(runtime, tcc, claimed);
        continue;
      }
      if (clock.now() + pause > deadline) throw stillRunning();
      await clock.sleep(pause);
    }
  }
}

const fingerprintOf = (wanted: readonly Wanted[]): string =>
  createHash('sha256')
    .update(wanted.map(({ productId, quantity }) => `${productId}:${quantity}`).join())
    .digest('hex');

const stillRunning = () =>
  fail('DEADLINE_EXCEEDED', 'ORDER_PENDING', 'The order is still being placed. Repeat the request.');

const requestIdReused = () =>
  fail(
    'ALREADY_EXISTS',
    'REQUEST_ID_REUSED',
    'This request id was used for another request. Make a new one.',
    { violations: [{ field: 'request_id', description: 'was used for another request' }] },
  );
