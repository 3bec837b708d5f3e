import { expect, test } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import type { BranchName } from '../../platform/participant/branch.ts';
import { testDatabase } from '../../platform/testing/database.ts';
import { insertProduct } from './product-store.ts';
import { type Line, orderLines } from './stock.ts';
import { StockModel } from './stock-model.ts';
import { cancelReservations, confirmReservations, restock, takeStock } from './stock-store.ts';

const { sql } = await testDatabase('product');
const nameOf = ({ transactionId, branchId }: BranchName) => [transactionId, branchId];
const ROUNDS = 60;
const CALLS = 20;

/** Numbers below 2^32 from a seed (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

test('calls in any order, with names that collide in any way, do as the model does', async () => {
  const seed = Date.now() % 2 ** 31;
  const next = random(seed);
  const pick = <T>(from: readonly T[]): T => from[next(from.length)] as T;
  const seen = new Set<string>();

  for (let round = 0; round < ROUNDS; round++) {
    const model = new StockModel();
    const products = [uuidv7(), uuidv7(), uuidv7()];
    for (const id of products) {
      const available = next(12);
      await insertProduct(sql, {
        id,
        name: 'X',
        description: '',
        price: { currency: 'EUR', minorUnits: 1n },
      });
      await sql`update stock set available = ${available} where product_id = ${id}`;
      model.stock.set(id, { available, held: 0, sold: 0 });
    }
    // Before all others, so that it isn't always something else that refuses.
    const unknown = '00000000-0000-7000-8000-000000000000';
    const transactions = [uuidv7(), uuidv7(), uuidv7()];
    const name = () => ({ transactionId: pick(transactions), branchId: pick(['a', 'b', 'c']) });
    const lines = (): Line[] =>
      orderLines(
        [unknown, ...products]
          .filter((id) => next(id === unknown ? 8 : 2) === 0)
          .map((productId) => ({ productId, quantity: 1 + next(3) })),
        '',
      );
    const withLines = () => ({ ...name(), lines: lines() });
    const toRestock = () =>
      next(2)
        ? { ...withLines(), undoes: undefined }
        : { ...name(), lines: [], undoes: pick(['a', 'b', 'c']) };
    const some = <T>(make: () => T): T[] => Array.from({ length: 1 + next(4) }, make);

    for (let call = 0; call < CALLS; call++) {
      const where = `seed ${seed}, round ${round}, call ${call}`;
      const kind = pick(['reserve', 'take', 'confirm', 'cancel', 'restock'] as const);
      let asked: unknown;
      let expected: unknown[];
      let actual: unknown[];
      if (kind === 'reserve' || kind === 'take') {
        const branches = some(withLines);
        asked = branches;
        expected = branches.map((branch) => model.take(kind, branch));
        actual = await takeStock(sql, kind, branches);
      } else if (kind === 'restock') {
        // The model goes branch by branch, the call decides once for each name: they need not agree on a call that gives
        // one name two bodies, or undoes a name that it gives.
        const given = [
          ...new Map(some(toRestock).map((branch) => [JSON.stringify(nameOf(branch)), branch])).values(),
        ];
        const once = given.filter(({ undoes }) => !given.some(({ branchId }) => branchId === undoes));
        const branches = [...once, ...once.slice(next(3))];
        if (branches.length === 0) continue;
        asked = branches;
        expected = branches.map((branch) => model.restock(branch));
        actual = await restock(sql, branches);
      } else {
        const branches = some(name);
        asked = branches;
        expected = branches.map((branch) => model[kind](branch));
        actual = await (kind === 'confirm' ? confirmReservations : cancelReservations)(sql, branches);
      }
      expect(actual, `${where}: ${kind} ${JSON.stringify(asked)}`).toEqual(expected);
      for (const outcome of actual as { reason: string }[]) seen.add(`${kind} ${outcome.reason}`);
      const rows = await sql<{ id: string; available: bigint; held: bigint; sold: bigint }[]>`
        select product_id as id, available, held, sold from stock where product_id = any (${products})`;
      for (const { id, available, held, sold } of rows) {
        const stock = { available: Number(available), held: Number(held), sold: Number(sold) };
        expect(stock, where).toEqual(model.stock.get(id));
      }
    }
  }
  // That the names collide enough to come everywhere.
  for (const reason of ['', 'BRANCH_MISMATCH', 'BRANCH_CANCELLED', 'INSUFFICIENT_STOCK', 'PRODUCT_NOT_FOUND'])
    for (const kind of ['reserve', 'take']) expect(seen).toContain(`${kind} ${reason}`);
  for (const reason of ['', 'BRANCH_MISMATCH', 'BRANCH_CANCELLED', 'BRANCH_UNKNOWN'])
    expect(seen).toContain(`confirm ${reason}`);
  for (const reason of ['', 'BRANCH_MISMATCH', 'BRANCH_CONFIRMED'])
    expect(seen).toContain(`cancel ${reason}`);
  for (const reason of ['', 'BRANCH_MISMATCH', 'INSUFFICIENT_STOCK', 'PRODUCT_NOT_FOUND'])
    expect(seen).toContain(`restock ${reason}`);
});
