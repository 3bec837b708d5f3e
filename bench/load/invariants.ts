import { checkInvariants, invariants } from '../../test/invariants/check.ts';
import { withDatabases } from '../../test/invariants/databases.ts';
import { untilQuiet } from '../../test/invariants/quiet.ts';
import type { BookContents } from './order-book.ts';
import type { RunningShop } from './running-shop.ts';
import { CREDIT, type World } from './sessions.ts';

/** What was found of a shop after a load. */
export interface InvariantResult {
  readonly checked: number;
  /** CreateOrder requests whose answers were compared with what the shop holds. */
  readonly requests: number;
  /** From the last answer until nothing was under way, in milliseconds. */
  readonly quietMs: number;
  /** One line each; empty if all holds. */
  readonly violations: readonly string[];
}

/** What may take this long, in milliseconds, until all that was begun is done: leases of dead instances run out. */
const PATIENCE_MS = 60_000;

/** What there is of each product, wherever it is: in stock, held, or sold. */
export function piecesOf(shop: RunningShop, { productIds }: World): Promise<ReadonlyMap<string, number>> {
  return withDatabases(shop, async ({ product }) => {
    const { rows } = await product.query<{ id: string; pieces: string }>(
      'select product_id as id, available + held + sold as pieces from stock where product_id = any ($1::uuid[])',
      [productIds],
    );
    return new Map(rows.map(({ id, pieces }) => [id, Number(pieces)]));
  });
}

/** Waits until the shop is quiet, and checks by SQL that it adds up and holds what its clients were told. */
export async function checkShop(
  shop: RunningShop,
  world: World,
  stock: ReadonlyMap<string, number>,
  { requests, credit }: BookContents,
): Promise<InvariantResult> {
  const began = performance.now();
  const left = await untilQuiet(shop, PATIENCE_MS);
  const quietMs = performance.now() - began;
  const prepared = world.customers.map(({ userId }) => [userId, Number(CREDIT)] as const);
  const given = { stock, credit: new Map([...prepared, ...credit]), requests };
  const violations = [
    ...left.map((one) => `not quiet after ${PATIENCE_MS / 1_000} s: ${one}`),
    ...(await withDatabases(shop, (databases) => checkInvariants(databases, given))),
  ];
  return { checked: invariants.length, requests: requests.length, quietMs, violations };
}
