import type { DescService } from '@bufbuild/protobuf';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { type StockLine, StockService } from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import { type Branch, BranchStatus } from '@souk/contracts/shop/transaction/v1/branch_pb.js';
import { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import { type CreditBranch, WalletService } from '@souk/contracts/shop/user/v1/wallet_service_pb.js';
import { createAuthenticate } from '../../../platform/auth/authenticate.ts';
import type { ListedKey } from '../../../platform/auth/keys.ts';
import { fail } from '../../../platform/errors.ts';
import { uuidv7 } from '../../../platform/id.ts';
import type { Context } from '../../../platform/rpc/context.ts';
import { type Implementation, implement, type Routes } from '../../../platform/rpc/routes.ts';
import { createServer } from '../../../platform/rpc/server.ts';
import { createLogger } from '../../../platform/telemetry/log.ts';
import { Barrier, type BranchName, type Wants } from '../../../platform/transaction/model/barrier.ts';
import type { Outcome } from '../../../platform/transaction/outcome.ts';

/** The participants' methods that can be made to fail. */
export type Faulty =
  | keyof (typeof StockService)['method']
  | keyof (typeof WalletService)['method']
  | 'batchGetProducts'
  | 'batchGetDisplayNames';
/** `fail`: before the effect. `lose`: after it. A promise: the effect waits for it. */
export type Fault = 'fail' | 'lose' | Promise<unknown>;

interface Product {
  name: string;
  price: bigint;
  currency: string;
}

const TOKEN = 'a-token-for-tests';

/**
 * The product and the user service as their orders' counterpart sees them: real servers of the real contracts, with
 * their state in memory, whose faults a test can order. The end-to-end tests run the real ones.
 */
export class Participants {
  readonly stock = new Barrier('INSUFFICIENT_STOCK');
  readonly wallets = new Barrier('INSUFFICIENT_CREDIT');
  readonly products = new Map<string, Product>();
  /** What people are called. */
  readonly names = new Map<string, { displayName: string; version: bigint }>();
  /** How often each method was called. */
  readonly calls = new Map<string, number>();
  /** The trace ids of the calls of each method. */
  readonly traces = new Map<string, string[]>();
  address = '';
  readonly token = TOKEN;
  readonly #faults = new Map<string, Fault[]>();
  readonly #keys: readonly ListedKey[];
  readonly #server = createServer({
    implementations: [this.#products(), this.#stock(), this.#wallets(), this.#users()],
    authenticate: createAuthenticate({ serviceTokens: new Map([['order', TOKEN]]) }),
    health: async () => {},
    log: createLogger({ service: 'participants', instance: 'test', level: 'silent' }),
  });

  /** `keys` sign the access tokens. */
  constructor(keys: readonly ListedKey[]) {
    this.#keys = keys;
  }

  async start(): Promise<this> {
    this.address = `127.0.0.1:${await this.#server.listen('127.0.0.1', 0)}`;
    return this;
  }

  stop = (): Promise<void> => this.#server.drain(200);

  /** The next calls of `method` fail, one for each fault. */
  inject(method: Faulty, ...faults: Fault[]): void {
    this.#faults.set(method, [...(this.#faults.get(method) ?? []), ...faults]);
  }

  addProduct(price: number, pieces: number, currency = 'EUR'): string {
    const productId = uuidv7();
    this.products.set(productId, { name: `Lamp ${this.products.size + 1}`, price: BigInt(price), currency });
    this.stock.put(productId, BigInt(pieces));
    return productId;
  }

  /** Gives a new person credit in EUR. */
  addUser(credit: number): string {
    const userId = uuidv7();
    this.wallets.put(`${userId} EUR`, BigInt(credit));
    return userId;
  }

  /** The account is deleted: nothing more can be held or charged. */
  deleteUser(userId: string): void {
    this.wallets.close(`${userId} EUR`);
    this.names.delete(userId);
  }

  stockOf = (productId: string) => numbers(this.stock, productId);
  walletOf = (userId: string) => numbers(this.wallets, `${userId} EUR`);

  async #withFaults<T>(method: Faulty, effect: () => T): Promise<T> {
    this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
    const fault = this.#faults.get(method)?.shift();
    if (fault instanceof Promise) await fault;
    if (fault === 'fail') throw fail('UNAVAILABLE', 'INJECTED', 'Failed before the effect.');
    const result = effect();
    if (fault === 'lose') throw fail('UNAVAILABLE', 'INJECTED', 'Failed after the effect.');
    return result;
  }

  #each<B>(
    method: Faulty,
    branches: readonly B[],
    { trace }: Context,
    act: (branch: B) => Outcome,
  ): Promise<{ results: ReturnType<typeof toResult>[] }> {
    this.traces.set(method, [...(this.traces.get(method) ?? []), trace.traceId]);
    return this.#withFaults(method, () => ({ results: branches.map((branch) => toResult(act(branch))) }));
  }

  #users(): Implementation {
    return partly(UserService, {
      listSigningKeys: () => ({ keys: [...this.#keys] }),
      batchGetDisplayNames: ({ userIds }) =>
        this.#withFaults('batchGetDisplayNames', () => ({
          names: userIds.flatMap((userId) => {
            const name = this.names.get(userId);
            return name === undefined ? [] : [{ userId, ...name }];
          }),
        })),
    });
  }

  #products(): Implementation {
    return partly(ProductService, {
      batchGetProducts: ({ productIds }) =>
        this.#withFaults('batchGetProducts', () => ({
          products: productIds.flatMap((productId) => {
            const product = this.products.get(productId);
            if (product === undefined) return [];
            const { name, price, currency } = product;
            return [{ id: productId, name, price: { currencyCode: currency, minorUnits: price } }];
          }),
          missingIds: productIds.filter((productId) => !this.products.has(productId)),
        })),
    });
  }

  #stock(): Implementation {
    const { stock } = this;
    return partly(StockService, {
      reserveStock: ({ branches }, context) =>
        this.#each('reserveStock', branches, context, (b) =>
          stock.take('reserve', name(b.branch), pieces(b.lines)),
        ),
      confirmReservation: ({ branches }, context) =>
        this.#each('confirmReservation', branches, context, (b) => stock.confirm(b)),
      cancelReservation: ({ branches }, context) =>
        this.#each('cancelReservation', branches, context, (b) => stock.cancel(b)),
      take: ({ branches }, context) =>
        this.#each('take', branches, context, (b) => stock.take('take', name(b.branch), pieces(b.lines))),
      restock: ({ branches }, context) =>
        this.#each('restock', branches, context, (b) =>
          b.undoes === ''
            ? stock.give(name(b.branch), pieces(b.lines))
            : stock.undo(name(b.branch), b.undoes),
        ),
    });
  }

  #wallets(): Implementation {
    const { wallets } = this;
    return partly(WalletService, {
      holdCredit: ({ branches }, context) =>
        this.#each('holdCredit', branches, context, (b) =>
          wallets.take('reserve', name(b.branch), credit(b)),
        ),
      confirmHold: ({ branches }, context) =>
        this.#each('confirmHold', branches, context, (b) => wallets.confirm(b)),
      cancelHold: ({ branches }, context) =>
        this.#each('cancelHold', branches, context, (b) => wallets.cancel(b)),
      charge: ({ branches }, context) =>
        this.#each('charge', branches, context, (b) => wallets.take('take', name(b.branch), credit(b))),
      refund: ({ branches }, context) =>
        this.#each('refund', branches, context, (b) =>
          b.undoes === '' ? wallets.give(name(b.branch), credit(b)) : wallets.undo(name(b.branch), b.undoes),
        ),
    });
  }
}

function partly<S extends DescService>(service: S, routes: Partial<Routes<S>>): Implementation {
  const missing = (): never => {
    throw new Error('no test uses this');
  };
  const others = Object.fromEntries(service.methods.map(({ localName }) => [localName, missing]));
  return implement(service, { ...others, ...routes } as Routes<S>);
}

function numbers(barrier: Barrier, key: string) {
  const { available, held, used } = barrier.holdings.get(key) ?? { available: 0n, held: 0n, used: 0n };
  return { available: Number(available), held: Number(held), used: Number(used) };
}

const name = (branch: Branch | undefined): BranchName => branch as BranchName;
const STATUSES = { done: BranchStatus.DONE, refused: BranchStatus.REFUSED, conflict: BranchStatus.CONFLICT };
const toResult = (outcome: Outcome) => ({
  reason: '',
  subject: '',
  ...outcome,
  status: STATUSES[outcome.kind],
});
const pieces = (lines: readonly StockLine[]): Wants =>
  lines.map(({ productId, quantity }) => ({ key: productId, amount: BigInt(quantity) }));
const credit = ({ userId, amount }: Pick<CreditBranch, 'userId' | 'amount'>): Wants => [
  { key: `${userId} ${amount?.currencyCode}`, amount: amount?.minorUnits ?? 0n },
];
