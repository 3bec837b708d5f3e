import type { Transaction } from '../../platform/db/database.ts';
import type { SalesChanges } from './sales.ts';

/** Adds to the counts that the best-selling list is ordered by; see add_sales. Unknown products are left out. */
export async function addSales(tx: Transaction, changes: SalesChanges): Promise<void> {
  await tx`select add_sales(${[...changes.keys()]}, ${[...changes.values()].flat().map(String)})`;
}

/** Begins to count a partition anew: with the commit its counts are what was added by {@link addRecounted} alone. */
export async function beginRecount(tx: Transaction, partition: number): Promise<void> {
  await tx`insert into recounted_sales (partition, pieces) values (${partition}, 0)`;
}

/** Adds what a part of a snapshot comes to. */
export async function addRecounted(tx: Transaction, changes: SalesChanges): Promise<void> {
  const rows = [...changes].flatMap(([productId, counts]) =>
    counts
      .map((pieces, partition) => ({ productId, partition, pieces }))
      .filter(({ pieces }) => pieces !== 0n),
  );
  await tx`
    insert into recounted_sales (partition, product_id, pieces)
    select * from unnest(
      ${rows.map(({ partition }) => partition)}::integer[], ${rows.map(({ productId }) => productId)}::uuid[],
      ${rows.map(({ pieces }) => String(pieces))}::bigint[]
    )`;
}
