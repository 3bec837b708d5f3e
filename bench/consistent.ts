import { withDatabases } from '../test/invariants/databases.ts';
import { ledgerIsBalance } from '../test/invariants/ledger-is-balance.ts';
import { ordersFinal } from '../test/invariants/orders-final.ts';
import { untilQuiet } from '../test/invariants/quiet.ts';
import { soldIsOrdered } from '../test/invariants/sold-is-ordered.ts';
import { spentIsOrdered } from '../test/invariants/spent-is-ordered.ts';
import { stockConserved } from '../test/invariants/stock-conserved.ts';
import type { BenchShop } from './bench-shop.ts';
import { CREDIT, CUSTOMERS, idOf, PIECES, PRODUCTS } from './fixture.ts';

/** Waits until nothing is under way; throws unless orders, stock and credit then add up. */
export async function assertConsistent({ shop }: BenchShop): Promise<void> {
  const all = (count: number, amount: number) =>
    new Map(Array.from({ length: count }, (_, n) => [idOf(n + 1), amount]));
  const given = { stock: all(PRODUCTS, PIECES), credit: all(CUSTOMERS, CREDIT) };
  const found = await untilQuiet(shop, 60_000);
  await withDatabases(shop, async (databases) => {
    for (const one of [stockConserved, soldIsOrdered, spentIsOrdered, ledgerIsBalance, ordersFinal])
      found.push(...(await one.violations(databases, given)).map((each) => `${one.name}: ${each}`));
  });
  if (found.length > 0) throw new Error(`the shop does not add up:\n${found.slice(0, 10).join('\n')}`);
}
