import { createBatcher } from '../../platform/batch/batcher.ts';
import type { Sql } from '../../platform/db/database.ts';
import type { TraceContext } from '../../platform/telemetry/trace.ts';
import type { Asker } from './accounts.ts';
import { mayAccess, targetOf, userNotFound } from './user.ts';
import { type Grant, grantCredit, readWallets } from './wallet-store.ts';

/** Credit in one currency, in minor units. */
export interface Balance {
  /** ISO 4217. */
  readonly currency: string;
  readonly available: bigint;
  readonly held: bigint;
}

/** A person's credit, ordered by currency. */
export interface Wallet {
  readonly userId: string;
  readonly balances: readonly Balance[];
}

/** What is done to wallets for people; what the order service does is in credit-branches.ts. */
export interface Wallets {
  /** `userId` may be empty for the asker's own. Rejects with NOT_FOUND. */
  get(userId: string, asker: Asker): Promise<Wallet>;
  /**
   * Once for each request id; a repeat returns the first answer's bytes. Rejects with NOT_FOUND, ALREADY_EXISTS
   * (REQUEST_ID_REUSED) or FAILED_PRECONDITION (BALANCE_LIMIT).
   */
  grant(grant: Grant, encode: (wallet: Wallet) => Uint8Array, trace?: TraceContext): Promise<Uint8Array>;
}

/** The wallets in the database. `wake` is called when there are events to be published. */
export function createWallets(sql: Sql, wake: () => void): Wallets {
  const read = createBatcher({
    run: (ids: string[]) => readWallets(sql, ids),
    maxSize: 256,
  });
  return {
    async get(userId, asker) {
      const target = targetOf(userId, asker);
      mayAccess(target, asker);
      const wallet = await read(target);
      if (!wallet) throw userNotFound();
      return wallet;
    },
    async grant(grant, encode, trace) {
      const answer = await grantCredit(sql, { ...grant, userId: grant.userId.toLowerCase() }, encode, trace);
      wake();
      return answer;
    },
  };
}
