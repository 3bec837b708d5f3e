import type { Queryable } from '../../../platform/db/database.ts';
import type { Line } from '../domain/lines.ts';
import type { Order, OrderState } from '../domain/order.ts';

interface LineJson {
  readonly productId: string;
  readonly productName: string;
  /** Exact: prices end at 10^12. */
  readonly unitPrice: number;
  readonly quantity: number;
}

/** A row of `orders`, as far as the domain knows it. */
export interface OrderRow {
  readonly id: string;
  readonly userId: string;
  readonly state: OrderState;
  readonly version: bigint;
  readonly lines: readonly LineJson[];
  readonly currency: string;
  readonly total: bigint;
  readonly rejectReason: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The columns of an {@link OrderRow}. */
export const orderColumns = (sql: Queryable) => sql`
  id, user_id as "userId", state, version, lines, currency, total, reject_reason as "rejectReason",
  created_at as "createdAt", updated_at as "updatedAt"`;

/** The order in a row of `orders`. */
export const toOrder = (row: OrderRow): Order => ({
  id: row.id,
  userId: row.userId,
  state: row.state,
  lines: toLines(row.lines),
  currency: row.currency,
  total: row.total,
  rejectReason: row.rejectReason,
  version: row.version,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
});

/** The lines in a `lines` column. */
export const toLines = (json: readonly LineJson[]): Line[] =>
  json.map((line) => ({ ...line, unitPrice: BigInt(line.unitPrice) }));

/** The text for a `lines` column. */
export const fromLines = (lines: readonly Line[]): string =>
  JSON.stringify(
    lines.map(
      ({ productId, productName, unitPrice, quantity }): LineJson => ({
        productId,
        productName,
        unitPrice: Number(unitPrice),
        quantity,
      }),
    ),
  );
