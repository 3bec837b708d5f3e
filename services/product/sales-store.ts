import type { Sql } from '../../platform/db/database.ts';

/** Brings the ranks of the best-selling list up to date. Returns how many changed. */
export async function refreshSales(sql: Sql): Promise<bigint> {
  const [row] = await sql<{ changed: bigint }[]>`select refresh_sales() as changed`;
  return row?.changed ?? 0n;
}
