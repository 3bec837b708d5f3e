import { BinaryArray } from '../platform/db/arrays.ts';
import type { Sql } from '../platform/db/database.ts';
import { Statement } from '../platform/db/sql.ts';
import { isUuid, uuidv7 } from '../platform/id.ts';
import { FIRST_EPOCH } from '../platform/transaction/log.ts';
import { createSqlLog } from '../platform/transaction/sql-log.ts';
import { createPlacementStore } from '../services/order/store/placement-store.ts';
import { readProducts } from '../services/product/product-store.ts';
import { confirmReservations, takeStock } from '../services/product/stock-store.ts';
import { confirmHolds, takeCredit } from '../services/user/credit-branch-store.ts';
import { idOf } from './fixture.ts';

/** A statement as it is sent: `$1`, `$2`, … stand for the values. */
export interface Recorded {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The ids of one order. */
export interface OrderIds {
  readonly order: string;
  readonly transaction: string;
  readonly request: string;
  readonly user: string;
  readonly product: string;
}

/** What CreateOrder sends to the three databases, in its order: a read, and seven statements that each commit. */
export const STEPS = [
  'read',
  'begin',
  'reserve',
  'hold',
  'place',
  'confirmStock',
  'confirmHold',
  'progress',
] as const;

/** A step's name. */
export type Step = (typeof STEPS)[number];

const PRICE = 100n;
/** What stands for the order's ids until there are some. */
const MARKS: Readonly<Record<keyof OrderIds, string>> = {
  order: 'ffffffff-ffff-ffff-ffff-000000000001',
  transaction: 'ffffffff-ffff-ffff-ffff-000000000002',
  request: 'ffffffff-ffff-ffff-ffff-000000000003',
  user: 'ffffffff-ffff-ffff-ffff-000000000004',
  product: 'ffffffff-ffff-ffff-ffff-000000000005',
};
const marked = new Map(Object.entries(MARKS).map(([id, mark]) => [mark, id as keyof OrderIds]));

/**
 * The statements of one order of one piece, as the services' own stores send them. Where an id of the order is among the
 * values there is its mark, see {@link withIds}. Left out is what no caller waits for or what serves many orders at
 * once: telling watchers, and putting events in sequence.
 */
export async function orderStatements(): Promise<Record<Step, Recorded>> {
  const {
    order: orderId,
    transaction: transactionId,
    request: requestId,
    user: userId,
    product: productId,
  } = MARKS;
  const line = { productId, quantity: 1 };
  // These are stored as text within JSON, where no mark is found.
  const lines = [{ productId: idOf(1), quantity: 1, productName: 'Lamp', unitPrice: PRICE }];
  const pending = { orderId, userId, transactionId, traceparent: '', lines, currency: 'EUR', total: PRICE };
  const placement = { ...pending, requestId, fingerprint: 'ab'.repeat(32) };
  const stock = { transactionId, branchId: 'stock' };
  const wallet = { transactionId, branchId: 'wallet' };
  const credit = { ...wallet, userId, currency: 'EUR', amount: PRICE };
  const done = { id: transactionId, epoch: FIRST_EPOCH, done: true, attempts: 4, lastError: '' };
  return {
    read: await record((sql) => readProducts(sql, [productId])),
    begin: await record((sql) => createPlacementStore(sql).begin(placement)),
    reserve: await record((sql) => takeStock(sql, 'reserve', [{ ...stock, lines: [line] }])),
    hold: await record((sql) => takeCredit(sql, 'hold', [credit])),
    place: await record((sql) => createPlacementStore(sql).place(pending)),
    confirmStock: await record((sql) => confirmReservations(sql, [stock])),
    confirmHold: await record((sql) => confirmHolds(sql, [wallet])),
    progress: await record((sql) => createSqlLog(sql).progress(done)),
  };
}

/** The one statement that `work` sends. It gets no rows, and may fail of that. */
async function record(work: (sql: Sql) => Promise<unknown>): Promise<Recorded> {
  const sent: Recorded[] = [];
  const tag = (strings: TemplateStringsArray, ...values: readonly unknown[]) =>
    new Statement(strings, values, async (statement) => {
      sent.push(statement);
      return Object.assign([], { count: 0 });
    });
  await work(tag as unknown as Sql).catch(() => {});
  const [statement] = sent;
  if (statement === undefined || sent.length > 1)
    throw new Error(`${sent.length} statements in place of one`);
  return statement;
}

/** What a value of a recorded statement stands for: an id of the order, an id that is made anew, or itself. */
export function meaningOf(value: unknown): { id: keyof OrderIds } | 'new id' | 'itself' {
  if (typeof value !== 'string') return 'itself';
  const id = marked.get(value);
  if (id !== undefined) return { id };
  return isUuid(value) ? 'new id' : 'itself';
}

/** The values for one order. */
export function withIds(values: readonly unknown[], ids: OrderIds): unknown[] {
  return values.map((value) => {
    if (Array.isArray(value)) return withIds(value, ids);
    if (value instanceof BinaryArray) return value.map((element) => withIds([element], ids)[0]);
    const meaning = meaningOf(value);
    if (meaning === 'itself') return value;
    return meaning === 'new id' ? uuidv7() : ids[meaning.id];
  });
}
