import { describe, expect, it } from 'vitest';
import { takeCredit } from './credit-branch-store.ts';
import {
  branch,
  CANCELLED,
  CONFIRMED,
  INSUFFICIENT,
  startParticipant,
  take,
  UNKNOWN,
  undo,
} from './test-participant.ts';
import { untilBlocked } from './test-service.ts';

const { service, somebody, balance, hold, charge, confirm, cancel, refund } = await startParticipant();

describe('at the same time', () => {
  it('200 holds of a balance that has room for 50: 50 are held', async () => {
    const user = await somebody(500n);
    const results = await Promise.all(Array.from({ length: 200 }, () => hold(take(user, 10n))));
    const flat = results.flat();
    expect(flat.filter((outcome) => outcome === 'DONE')).toHaveLength(50);
    expect(flat.filter((outcome) => outcome === INSUFFICIENT)).toHaveLength(150);
    expect(await balance(user)).toEqual([0n, 500n]);
  });

  it('the same branch many times: it takes effect once', async () => {
    const user = await somebody(100n);
    const name = branch();
    const results = await Promise.all(Array.from({ length: 30 }, () => hold(take(user, 30n, name))));
    expect(new Set(results.flat())).toEqual(new Set(['DONE']));
    expect(await balance(user)).toEqual([70n, 30n]);
    await Promise.all(Array.from({ length: 30 }, () => confirm(name)));
    expect(await balance(user)).toEqual([70n, 0n]);
  });

  it('overlapping batches in opposite orders never deadlock', async () => {
    const users = await Promise.all(Array.from({ length: 20 }, () => somebody(1_000n)));
    const allowed = new Set(['DONE', CANCELLED, UNKNOWN, CONFIRMED]);
    for (let round = 0; round < 8; round++) {
      const names = users.map(() => branch());
      const batch = users.map((user, index) => take(user, 1n, names[index]));
      const calls = Array.from({ length: 12 }, (_, index) => {
        // Known and new branches, mixed: some lock what others insert.
        const mixed = [...batch, ...users.map((user) => take(user, 1n))];
        const [holds, ends] = index % 2 === 1 ? [mixed.toReversed(), names.toReversed()] : [mixed, names];
        return [hold(...holds), index % 3 === 0 ? confirm(...ends) : cancel(...ends)];
      });
      const results = await Promise.all(calls.flat());
      expect(results.flat().filter((outcome) => !allowed.has(outcome))).toEqual([]);
    }
  });

  it('a hold and its cancel, a charge and its undo: the credit is back, whichever was first', async () => {
    const user = await somebody(1_000n);
    for (let round = 0; round < 25; round++) {
      const [one, two] = [branch(), branch()];
      await Promise.all([
        hold(take(user, 10n, one)),
        cancel(one),
        charge(take(user, 10n, two)),
        refund(undo(two.transactionId)),
      ]);
      expect(await balance(user)).toEqual([1_000n, 0n]);
    }
  });

  it('a hold, its confirm and its cancel: either all or nothing is spent', async () => {
    const user = await somebody(1_000n);
    let spent = 0n;
    for (let round = 0; round < 25; round++) {
      const name = branch();
      await hold(take(user, 10n, name));
      const [[confirmed], [cancelled]] = await Promise.all([confirm(name), cancel(name)]);
      expect([confirmed, cancelled]).toContain('DONE');
      expect(confirmed === 'DONE' && cancelled === 'DONE').toBe(false);
      if (confirmed === 'DONE') spent += 10n;
      expect(await balance(user)).toEqual([1_000n - spent, 0n]);
    }
  });
});

it('a branch that is cleaned up while it is called does not shift the answers of others', async () => {
  const { sql } = service.db;
  const userId = await somebody(100n);
  const [old, other] = [branch(), branch()];
  await hold(take(userId, 10n, old));
  const hold10 = { userId, currency: 'EUR', amount: 10n };
  const both = [
    { ...old, ...hold10 },
    { ...other, ...hold10 },
  ];
  let call: Promise<unknown> | undefined;
  await sql.begin(async (tx) => {
    await tx`SELECT FROM branches WHERE transaction_id = ${old.transactionId} FOR UPDATE`;
    call = takeCredit(sql, 'hold', both).catch((error: unknown) => error);
    await untilBlocked(sql);
    // Only a finished one is ever cleaned up.
    await tx`SELECT * FROM cancel_holds(${[old.transactionId]}, ${[old.branchId]})`;
    await tx`DELETE FROM branches WHERE transaction_id = ${old.transactionId}`;
  });
  expect(await call).toMatchObject({ kind: 'UNAVAILABLE', reason: 'BRANCH_REMOVED' });
  expect(await takeCredit(sql, 'hold', both)).toMatchObject([{ status: 'DONE' }, { status: 'DONE' }]);
  expect(await balance(userId)).toEqual([80n, 20n]);
});
