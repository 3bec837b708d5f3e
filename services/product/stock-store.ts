import type { Sql, Transaction } from '../../platform/db/database.ts';
import { appendEvents } from '../../platform/events/outbox.ts';
import { type BranchName, checkComplete } from '../../platform/participant/branch.ts';
import { formatTraceparent, type TraceContext } from '../../platform/telemetry/trace.ts';
import { productNotFound } from './product.ts';
import { stockAdjusted } from './product-events.ts';
import {
  insufficientStock,
  type LinesBranch,
  MAX_AVAILABLE,
  type Outcome,
  type RestockBranch,
  type Stock,
  stockLimitExceeded,
  toOutcome,
} from './stock.ts';

/** The stock of a product, deleted or not. Throws NOT_FOUND. */
export async function readStock(sql: Sql, productId: string): Promise<Stock> {
  const [stock] = await sql<Stock[]>`
    select product_id as "productId", available, held, sold from stock where product_id = ${productId}`;
  if (!stock) throw productNotFound(productId);
  return stock;
}

/**
 * Puts pieces in, or takes them out, and adds the events of it. Throws NOT_FOUND (also when the product was deleted) and FAILED_PRECONDITION,
 * reason INSUFFICIENT_STOCK or STOCK_LIMIT_EXCEEDED.
 */
export async function adjustStock(
  tx: Transaction,
  productId: string,
  delta: bigint,
  trace?: TraceContext,
): Promise<Stock> {
  const [locked] = await tx<{ available: bigint }[]>`
    select available from stock where product_id = ${productId} and offered for no key update`;
  if (!locked) throw productNotFound(productId);
  const available = locked.available + delta;
  if (available < 0n) throw insufficientStock(productId);
  // What came back from orders may have led above the limit: then pieces can still be taken out.
  if (delta > 0n && available > MAX_AVAILABLE) throw stockLimitExceeded(productId);
  const rows = await tx<Stock[]>`
    update stock set available = ${available} where product_id = ${productId}
    returning product_id as "productId", available, held, sold`;
  await appendEvents(tx, stockAdjusted(productId, delta, available, trace));
  return rows[0] as Stock;
}

type ResultRow = { reason: string; subject: string | null };
type TakenRow = ResultRow & { depleted: boolean };
function outcomes(branches: readonly BranchName[], rows: readonly ResultRow[]): Outcome[] {
  checkComplete(branches, rows);
  return rows.map(({ reason, subject }) => toOutcome(reason, subject));
}

/** What the event of a depleted stock needs. */
export interface Publishing {
  /** Of a call of the batch. */
  readonly trace: TraceContext | undefined;
  /** Called when there are events to be published. */
  wake(): void;
}

/**
 * Moves the lines of each branch from available to held (`reserve`) or to sold (`take`), and adds an event for each
 * product of which they took the last piece. One statement, one commit.
 */
export async function takeStock(
  sql: Sql,
  kind: 'reserve' | 'take',
  branches: readonly LinesBranch[],
  publishing?: Publishing,
): Promise<Outcome[]> {
  const { transactions, names } = nameArrays(branches);
  const { firsts, lasts, products, quantities } = lineArrays(branches);
  const traceparent = publishing?.trace ? formatTraceparent(publishing.trace) : '';
  const rows = await sql<TakenRow[]>`
    select reason, subject, depleted
    from take_stock(
      ${kind}, ${transactions}, ${names}, ${firsts}, ${lasts}, ${products}, ${quantities}, ${traceparent})`;
  if (rows[0]?.depleted) publishing?.wake();
  return outcomes(branches, rows);
}

/** Moves what each reservation holds to sold. */
export async function confirmReservations(sql: Sql, branches: readonly BranchName[]): Promise<Outcome[]> {
  const { transactions, names } = nameArrays(branches);
  return outcomes(
    branches,
    await sql<ResultRow[]>`
      select reason, null as subject from confirm_reservations(${transactions}, ${names}) as reason`,
  );
}

/** Moves what each reservation holds to available, or keeps it from ever coming. */
export async function cancelReservations(sql: Sql, branches: readonly BranchName[]): Promise<Outcome[]> {
  const { transactions, names } = nameArrays(branches);
  return outcomes(
    branches,
    await sql<ResultRow[]>`
      select reason, null as subject from cancel_reservations(${transactions}, ${names}) as reason`,
  );
}

/** Moves sold pieces to available, or undoes takes. */
export async function restock(sql: Sql, branches: readonly RestockBranch[]): Promise<Outcome[]> {
  const { transactions, names } = nameArrays(branches);
  const { firsts, lasts, products, quantities } = lineArrays(branches);
  const undone = branches.map(({ undoes }) => undoes ?? null);
  return outcomes(
    branches,
    await sql<ResultRow[]>`
      select reason, subject
      from restock(
        ${transactions}, ${names}, ${undone as string[]}, ${firsts}, ${lasts}, ${products}, ${quantities})`,
  );
}

function nameArrays(branches: readonly BranchName[]) {
  return {
    transactions: branches.map(({ transactionId }) => transactionId),
    names: branches.map(({ branchId }) => branchId),
  };
}

/** The lines of all branches in one row, and which of them are whose: from 1, both inclusive. */
function lineArrays(branches: readonly LinesBranch[]) {
  const firsts: number[] = [];
  const lasts: number[] = [];
  const products: string[] = [];
  const quantities: number[] = [];
  for (const { lines } of branches) {
    firsts.push(products.length + 1);
    for (const { productId, quantity } of lines) {
      products.push(productId);
      quantities.push(quantity);
    }
    lasts.push(products.length);
  }
  return { firsts, lasts, products, quantities };
}
