import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  branch,
  CANCELLED,
  CONFIRMED,
  INSUFFICIENT,
  MISMATCH,
  NO_WALLET,
  startParticipant,
  take,
  UNKNOWN,
  undo,
} from './test-participant.ts';
import { failure } from './test-service.ts';

const { service, somebody, balance, hold, charge, confirm, cancel, refund } = await startParticipant();
const { sql } = service.db;
const { order } = service;

describe('a hold', () => {
  it('keeps credit back, confirm spends it, cancel gives it back; each once', async () => {
    const user = await somebody(100n);
    const [spent, freed] = [branch(), branch()];
    expect(await hold(take(user, 60n, spent), take(user, 30n, freed))).toEqual(['DONE', 'DONE']);
    expect(await balance(user)).toEqual([10n, 90n]);
    expect(await hold(take(user, 60n, spent))).toEqual(['DONE']);
    expect(await confirm(spent)).toEqual(['DONE']);
    expect(await confirm(spent, spent)).toEqual(['DONE', 'DONE']);
    expect(await hold(take(user, 60n, spent))).toEqual(['DONE']);
    expect(await cancel(freed)).toEqual(['DONE']);
    expect(await cancel(freed, freed)).toEqual(['DONE', 'DONE']);
    expect(await balance(user)).toEqual([40n, 0n]);
  });

  it('of too much is refused for good', async () => {
    const user = await somebody(100n);
    const name = branch();
    expect(await hold(take(user, 101n, name))).toEqual([INSUFFICIENT]);
    await sql`SELECT grant_credit(${user}, 'EUR', 100, ${user})`;
    expect(await hold(take(user, 101n, name))).toEqual([INSUFFICIENT]);
    expect(await confirm(name)).toEqual([UNKNOWN]);
    expect(await cancel(name)).toEqual(['DONE']);
    expect(await hold(take(user, 101n, name))).toEqual([CANCELLED]);
    expect(await balance(user)).toEqual([200n, 0n]);
  });

  it('needs a user who is not deleted, and credit in that currency', async () => {
    const [gone, user] = [await somebody(100n), await somebody(100n)];
    await sql`SELECT delete_user(${gone})`;
    expect(
      await hold(
        ...[take(gone, 1n), take(gone, 0n), take(randomUUID(), 0n)],
        ...[take(user, 1n, undefined, 'USD'), take(user, 0n)],
      ),
    ).toEqual([NO_WALLET, NO_WALLET, NO_WALLET, INSUFFICIENT, 'DONE']);
  });

  it('of nothing is held, confirmed and cancelled, and leaves no entry', async () => {
    const user = await somebody();
    const [one, two] = [branch(), branch()];
    expect(await hold(take(user, 0n, one), take(user, 0n, two))).toEqual(['DONE', 'DONE']);
    expect([await confirm(one), await cancel(two)]).toEqual([['DONE'], ['DONE']]);
    expect(await sql`SELECT FROM ledger_entries WHERE user_id = ${user}`).toHaveLength(0);
  });

  it('with another body under its name is a conflict', async () => {
    const [user, other] = [await somebody(100n), await somebody(100n)];
    const name = branch();
    await hold(take(user, 10n, name));
    expect(await hold(take(user, 11n, name))).toEqual([MISMATCH]);
    expect(await hold(take(other, 10n, name))).toEqual([MISMATCH]);
    expect(await hold(take(user, 10n, name, 'USD'))).toEqual([MISMATCH]);
    expect(await balance(user)).toEqual([90n, 10n]);
    expect(await balance(other)).toEqual([100n, 0n]);
  });

  it('after its cancel is a conflict, and so are confirm after cancel and cancel after confirm', async () => {
    const user = await somebody(100n);
    const [early, held, spent] = [branch(), branch(), branch()];
    expect(await cancel(early)).toEqual(['DONE']);
    expect(await hold(take(user, 10n, early))).toEqual([CANCELLED]);
    expect(await confirm(early)).toEqual([CANCELLED]);
    await hold(take(user, 10n, held), take(user, 10n, spent));
    await cancel(held);
    expect(await confirm(held)).toEqual([CANCELLED]);
    await confirm(spent);
    expect(await cancel(spent)).toEqual([CONFIRMED]);
    expect(await confirm(branch())).toEqual([UNKNOWN]);
    expect(await balance(user)).toEqual([90n, 0n]);
  });

  it('can be confirmed, cancelled and refunded when the account is deleted meanwhile', async () => {
    const user = await somebody(100n);
    const [one, two, three] = [branch(), branch(), branch()];
    await hold(take(user, 10n, one), take(user, 20n, two));
    await charge(take(user, 30n, three));
    await sql`SELECT delete_user(${user})`;
    expect([await confirm(one), await cancel(two)]).toEqual([['DONE'], ['DONE']]);
    expect(await refund(undo(three.transactionId), take(user, 5n))).toEqual(['DONE', 'DONE']);
    expect(await balance(user)).toEqual([95n, 0n]);
  });
});

describe('a call with many branches', () => {
  it('answers one by one, in its order, as if they had come one after the other', async () => {
    const user = await somebody(100n);
    const [a, b, c, d] = [0, 1, 2, 3].map(() => branch()) as [
      ReturnType<typeof branch>,
      ReturnType<typeof branch>,
      ReturnType<typeof branch>,
      ReturnType<typeof branch>,
    ];
    expect(
      await hold(
        take(user, 60n, a),
        take(user, 60n, b),
        take(user, 60n, a),
        take(user, 60n, b),
        take(user, 40n, c),
        take(user, 61n, a),
        take(user, 1n, d),
      ),
    ).toEqual(['DONE', INSUFFICIENT, 'DONE', INSUFFICIENT, 'DONE', MISMATCH, INSUFFICIENT]);
    expect(await balance(user)).toEqual([0n, 100n]);
    expect(await confirm(a, b, c, a)).toEqual(['DONE', UNKNOWN, 'DONE', 'DONE']);
    expect(await cancel(a, b, d)).toEqual([CONFIRMED, 'DONE', 'DONE']);
    expect(await balance(user)).toEqual([0n, 0n]);
  });

  it('takes 256, not 257 and not none', async () => {
    const user = await somebody(256n);
    const branches = Array.from({ length: 257 }, () => take(user, 1n));
    expect(await failure(order.holdCredit({ branches }))).toMatchObject({ code: 'InvalidArgument' });
    expect(await failure(order.holdCredit({ branches: [] }))).toMatchObject({ code: 'InvalidArgument' });
    expect(new Set(await hold(...branches.slice(1)))).toEqual(new Set(['DONE']));
    expect(await balance(user)).toEqual([0n, 256n]);
  });
});

describe('a charge', () => {
  it('spends at once, once, and its undo gives it back, once', async () => {
    const user = await somebody(100n);
    const transaction = randomUUID();
    expect(await charge(take(user, 70n, branch(transaction)))).toEqual(['DONE']);
    expect(await charge(take(user, 70n, branch(transaction)))).toEqual(['DONE']);
    expect(await balance(user)).toEqual([30n, 0n]);
    expect(await refund(undo(transaction), undo(transaction))).toEqual(['DONE', 'DONE']);
    expect(await refund(undo(transaction), undo(transaction, 'undo-again'))).toEqual(['DONE', 'DONE']);
    expect(await balance(user)).toEqual([100n, 0n]);
    expect(await charge(take(user, 70n, branch(transaction)))).toEqual([CANCELLED]);
  });

  it('of too much is refused for good, and its undo gives nothing', async () => {
    const user = await somebody(100n);
    const transaction = randomUUID();
    expect(await charge(take(user, 101n, branch(transaction)))).toEqual([INSUFFICIENT]);
    expect(await charge(take(user, 101n, branch(transaction)))).toEqual([INSUFFICIENT]);
    expect(await charge(take(user, 100n, branch(transaction)))).toEqual([MISMATCH]);
    expect(await refund(undo(transaction))).toEqual(['DONE']);
    expect(await charge(take(user, 101n, branch(transaction)))).toEqual([CANCELLED]);
    expect(await balance(user)).toEqual([100n, 0n]);
  });

  it('that comes after its undo is a conflict', async () => {
    const user = await somebody(100n);
    const transaction = randomUUID();
    expect(await refund(undo(transaction))).toEqual(['DONE']);
    expect(await charge(take(user, 10n, branch(transaction)))).toEqual([CANCELLED]);
    expect(await balance(user)).toEqual([100n, 0n]);
  });
});

describe('a refund', () => {
  it('gives an amount once, also in a currency that is new to the wallet', async () => {
    const user = await somebody();
    const name = branch();
    expect(await refund(take(user, 15n, name), take(user, 15n, name))).toEqual(['DONE', 'DONE']);
    expect(await refund(take(user, 15n, name))).toEqual(['DONE']);
    expect(await refund(take(user, 16n, name))).toEqual([MISMATCH]);
    expect(await refund(undo(name.transactionId, name.branchId, 'other'))).toEqual([MISMATCH]);
    expect(await balance(user)).toEqual([15n, 0n]);
    expect(await refund(take(user, 0n))).toEqual(['DONE']);
  });

  it('for nobody is refused, for good', async () => {
    const name = branch();
    const nobody = randomUUID();
    expect(await refund(take(nobody, 1n, name))).toEqual([NO_WALLET]);
    expect(await refund(take(nobody, 1n, name))).toEqual([NO_WALLET]);
  });

  it('gives either an amount or undoes', async () => {
    const both = { ...take(randomUUID(), 1n), undoes: 'wallet' };
    const neither = { branch: branch() };
    for (const one of [both, neither]) {
      expect(await failure(order.refund({ branches: [one] }))).toMatchObject({ code: 'InvalidArgument' });
    }
  });
});

describe('a branch of another kind', () => {
  it('is a conflict, counted, and nothing changes', async () => {
    const user = await somebody(100n);
    const [held, charged, given] = [branch(), branch(), branch()];
    await hold(take(user, 10n, held));
    await charge(take(user, 10n, charged));
    await refund(take(user, 10n, given));
    const before = await service.counter('souk_participant_conflicts_total', {
      souk_transaction_step: 'ConfirmHold',
    });
    expect(await confirm(charged, given)).toEqual([MISMATCH, MISMATCH]);
    expect(
      await service.counter('souk_participant_conflicts_total', { souk_transaction_step: 'ConfirmHold' }),
    ).toBe(before + 2);
    expect(await cancel(charged, given)).toEqual([MISMATCH, MISMATCH]);
    expect(await charge(take(user, 10n, held), take(user, 10n, given))).toEqual([MISMATCH, MISMATCH]);
    expect(await hold(take(user, 10n, charged))).toEqual([MISMATCH]);
    expect(await refund(take(user, 10n, held))).toEqual([MISMATCH]);
    // A hold, a refund and the branch itself can't be undone; the failed undo leaves no trace.
    expect(
      await refund(
        undo(held.transactionId),
        undo(given.transactionId),
        undo(charged.transactionId, 'self', 'self'),
      ),
    ).toEqual([MISMATCH, MISMATCH, MISMATCH]);
    expect(await refund(take(user, 1n, branch(held.transactionId, 'undo')))).toEqual(['DONE']);
    expect(await balance(user)).toEqual([91n, 10n]);
  });
});

describe('the participant', () => {
  it('is for the order service alone', async () => {
    const [person, admin] = await Promise.all([service.person(), service.person({ admin: true })]);
    const branches = [take(person.user.id, 1n)];
    expect(await failure(person.wallets.holdCredit({ branches }))).toMatchObject({
      code: 'PermissionDenied',
    });
    expect(await failure(admin.wallets.charge({ branches }))).toMatchObject({ code: 'PermissionDenied' });
    expect(await failure(service.wallets().holdCredit({ branches }))).toMatchObject({
      code: 'Unauthenticated',
    });
  });
});
