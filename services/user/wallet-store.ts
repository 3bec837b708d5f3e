import { createHash } from 'node:crypto';
import type { Queryable, Sql } from '../../platform/db/database.ts';
import { once } from '../../platform/db/requests.ts';
import { fail } from '../../platform/errors.ts';
import { appendEvents } from '../../platform/events/outbox.ts';
import type { TraceContext } from '../../platform/telemetry/trace.ts';
import { userNotFound } from './user.ts';
import { creditGranted } from './user-events.ts';
import type { Balance, Wallet } from './wallet.ts';

/** Credit to be given. */
export interface Grant {
  readonly requestId: string;
  readonly userId: string;
  readonly currency: string;
  /** Minor units, more than 0. */
  readonly amount: bigint;
  /** The admin's id, for the ledger. */
  readonly grantedBy: string;
}

type WalletRow = { userId: string } & { [Column in keyof Balance]: Balance[Column] | null };

/** The wallets of these users, in their order; undefined where there is no such user or it is deleted. */
export async function readWallets(
  sql: Queryable,
  userIds: readonly string[],
): Promise<(Wallet | undefined)[]> {
  const rows = await sql<WalletRow[]>`
    SELECT u.id AS "userId", w.currency, w.available, w.held
    FROM users u LEFT JOIN wallets w ON w.user_id = u.id
    WHERE u.id = ANY (${userIds}::uuid[]) AND u.deleted_at IS NULL
    ORDER BY w.currency`;
  const balances = new Map<string, Balance[]>();
  for (const { userId, currency, available, held } of rows) {
    const known = balances.get(userId) ?? [];
    if (currency !== null) known.push({ currency, available: available ?? 0n, held: held ?? 0n });
    balances.set(userId, known);
  }
  return userIds.map((userId) => {
    const known = balances.get(userId);
    return known && { userId, balances: known };
  });
}

/**
 * Adds a grant to the ledger, and the event of it, once for each request id. Returns the encoded wallet after it. See
 * {@link Wallets}.
 */
export async function grantCredit(
  sql: Sql,
  grant: Grant,
  encode: (wallet: Wallet) => Uint8Array,
  trace?: TraceContext,
): Promise<Uint8Array> {
  const { requestId, userId, currency, amount, grantedBy } = grant;
  const contents = JSON.stringify([userId, currency, String(amount)]);
  const fingerprint = createHash('sha256').update(contents).digest();
  return sql.begin((tx) =>
    once(tx, { scope: 'grant-credit', requestId, fingerprint }, async () => {
      const [row] = await tx<{ outcome: string }[]>`
        SELECT grant_credit(${userId}, ${currency}, ${amount}, ${grantedBy}) AS outcome`;
      if (row?.outcome === 'over-limit')
        throw fail('FAILED_PRECONDITION', 'BALANCE_LIMIT', 'The balance would pass 10^15 minor units.');
      const [wallet] = await readWallets(tx, [userId]);
      if (row?.outcome === 'unknown-user' || !wallet) throw userNotFound();
      await appendEvents(tx, [creditGranted(grant, trace)]);
      return encode(wallet);
    }),
  );
}
