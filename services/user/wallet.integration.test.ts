import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { failure, startService } from './test-service.ts';

const service = await startService();
const { sql } = service.db;
const admin = await service.person({ admin: true });
const ada = await service.person();

const grant = (userId: string, minorUnits: bigint, currencyCode = 'EUR') => ({
  requestId: randomUUID(),
  userId,
  amount: { currencyCode, minorUnits },
});
const balance = (currencyCode: string, available: bigint, held = 0n) => ({
  available: expect.objectContaining({ currencyCode, minorUnits: available }),
  held: expect.objectContaining({ currencyCode, minorUnits: held }),
});

describe('GetWallet', () => {
  it('is empty where there never was credit, and one balance for each currency else', async () => {
    const { user, wallets } = await service.person();
    expect((await wallets.getWallet({})).wallet).toMatchObject({ userId: user.id, balances: [] });
    await admin.wallets.grantCredit(grant(user.id, 5n, 'USD'));
    await admin.wallets.grantCredit(grant(user.id, 7n, 'EUR'));
    const { wallet } = await admin.wallets.getWallet({ userId: user.id });
    expect(wallet?.balances).toMatchObject([balance('EUR', 7n), balance('USD', 5n)]);
  });

  it('of another, of nobody or of a deleted account is NOT_FOUND', async () => {
    const gone = await service.person();
    await gone.users.deleteUser({});
    const missing = { code: 'NotFound', reason: 'USER_NOT_FOUND' };
    expect(await failure(ada.wallets.getWallet({ userId: admin.user.id }))).toMatchObject(missing);
    expect(await failure(admin.wallets.getWallet({ userId: randomUUID() }))).toMatchObject(missing);
    expect(await failure(gone.wallets.getWallet({}))).toMatchObject(missing);
  });
});

describe('GrantCredit', () => {
  it('adds once for each request id, and answers a repeat as the first time', async () => {
    const { user } = await service.person();
    const request = grant(user.id, 250n);
    const first = await admin.wallets.grantCredit(request);
    await admin.wallets.grantCredit(grant(user.id, 50n));
    expect(await admin.wallets.grantCredit({ ...request, userId: user.id.toUpperCase() })).toEqual(first);
    expect((await admin.wallets.getWallet({ userId: user.id })).wallet?.balances).toMatchObject([
      balance('EUR', 300n),
    ]);
    const [entry] = await sql`
      SELECT kind, available, held, granted_by FROM ledger_entries WHERE user_id = ${user.id} ORDER BY id`;
    expect(entry).toEqual({ kind: 'grant', available: 250n, held: 0n, granted_by: admin.user.id });
    expect(
      await failure(admin.wallets.grantCredit({ ...grant(user.id, 251n), requestId: request.requestId })),
    ).toMatchObject({ code: 'AlreadyExists', reason: 'REQUEST_ID_REUSED' });
  });

  it('takes effect once, also when repeated at once and when first grants meet', async () => {
    const { user } = await service.person();
    const requests = [grant(user.id, 10n), grant(user.id, 10n), grant(user.id, 10n)];
    await Promise.all([...requests, ...requests].map((request) => admin.wallets.grantCredit(request)));
    expect((await admin.wallets.getWallet({ userId: user.id })).wallet?.balances).toMatchObject([
      balance('EUR', 30n),
    ]);
  });

  it('does not bring a balance past 10^15', async () => {
    const { user } = await service.person();
    await admin.wallets.grantCredit(grant(user.id, 10n ** 12n));
    await sql`
      INSERT INTO ledger_entries (user_id, currency, kind, available, held, granted_by)
      VALUES (${user.id}, 'EUR', 'grant', ${10n ** 15n - 10n ** 12n - 1n}, 0, ${admin.user.id})`;
    expect(await failure(admin.wallets.grantCredit(grant(user.id, 2n)))).toMatchObject({
      code: 'FailedPrecondition',
      reason: 'BALANCE_LIMIT',
    });
    await admin.wallets.grantCredit(grant(user.id, 1n));
  });

  it('is for admins, for known users and for amounts above 0', async () => {
    const call = (wallets: typeof admin.wallets, userId: string, amount: bigint) =>
      failure(wallets.grantCredit(grant(userId, amount)));
    expect(await call(ada.wallets, ada.user.id, 1n)).toMatchObject({ code: 'PermissionDenied' });
    expect(await call(service.wallets(), ada.user.id, 1n)).toMatchObject({ code: 'Unauthenticated' });
    expect(await call(admin.wallets, randomUUID(), 1n)).toMatchObject({ reason: 'USER_NOT_FOUND' });
    for (const amount of [0n, -1n, 10n ** 12n + 1n, 2n ** 63n - 1n]) {
      expect(await call(admin.wallets, ada.user.id, amount)).toMatchObject({ code: 'InvalidArgument' });
    }
  });
});

describe('the database', () => {
  const refused = { code: '23000' };

  it('lets a balance change by a ledger entry alone', async () => {
    const { user } = await service.person();
    await admin.wallets.grantCredit(grant(user.id, 100n));
    const mine = sql`user_id = ${user.id}`;
    await expect(sql`UPDATE wallets SET available = available + 1 WHERE ${mine}`).rejects.toMatchObject(
      refused,
    );
    await expect(sql`UPDATE wallets SET held = 0 WHERE ${mine}`).rejects.toMatchObject(refused);
    await expect(sql`DELETE FROM wallets WHERE ${mine}`).rejects.toMatchObject(refused);
    await expect(sql`TRUNCATE wallets`).rejects.toMatchObject(refused);
    const insert = sql`INSERT INTO wallets (user_id, currency, available) VALUES (${user.id}, 'USD', 1)`;
    await expect(insert).rejects.toMatchObject(refused);
    expect([...(await sql`SELECT available, held FROM wallets WHERE ${mine}`)]).toEqual([
      { available: 100n, held: 0n },
    ]);
  });

  it('lets no ledger entry change or go', async () => {
    await expect(sql`UPDATE ledger_entries SET available = 1`).rejects.toMatchObject(refused);
    await expect(sql`DELETE FROM ledger_entries`).rejects.toMatchObject(refused);
    await expect(sql`TRUNCATE ledger_entries`).rejects.toMatchObject(refused);
  });

  it('lets no balance fall below zero, no entry have another shape, none be without a wallet', async () => {
    const { user } = await service.person();
    await admin.wallets.grantCredit(grant(user.id, 100n));
    const enter = (kind: string, available: bigint, held: bigint, currency = 'EUR') => sql`
      INSERT INTO ledger_entries (user_id, currency, kind, available, held, transaction_id, branch_id)
      VALUES (${user.id}, ${currency}, ${kind}, ${available}, ${held}, ${randomUUID()}, 'wallet')`;
    await expect(enter('hold', -101n, 101n)).rejects.toThrow(/wallets_available_check/);
    await expect(enter('confirm', 0n, -1n)).rejects.toThrow(/wallets_held_check/);
    await expect(enter('hold', -1n, 2n)).rejects.toThrow(/ledger_entries_shape/);
    await expect(enter('grant', 1n, 0n)).rejects.toThrow(/ledger_entries_reason/);
    await expect(enter('refund', 1n, 0n, 'USD')).rejects.toMatchObject({ code: '23503' });
    expect([...(await sql`SELECT available, held FROM wallets WHERE user_id = ${user.id}`)]).toEqual([
      { available: 100n, held: 0n },
    ]);
  });
});
