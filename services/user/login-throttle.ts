import type { Sql } from '../../platform/db/database.ts';
import { fail, hasReason } from '../../platform/errors.ts';
import { claimAttempt, releaseAttempt, type ThrottlePolicy } from './login-throttle-store.ts';
import { emailDigest } from './user.ts';

/**
 * Four failures in a row cost nothing (a person looks for the right password), each further one doubles the wait from
 * a second to a minute. So guessing goes at 1,440 passwords a day at most, which finds none of ten characters, while
 * whoever fails on purpose in somebody else's name can hold that person up for a minute at a time, and not at all where
 * there is a session already. An hour without an attempt forgets.
 */
export const LOGIN_THROTTLE: ThrottlePolicy = {
  tolerated: 5,
  firstDelayMs: 1_000,
  longestDelayMs: 60_000,
  forgetAfterMs: 3_600_000,
};

/** Slows the guessing of one account's password. */
export interface LoginThrottle {
  /**
   * Runs `check` (of a password) as one attempt on the account with this normalised address. Rejects with
   * RESOURCE_EXHAUSTED, reason TOO_MANY_FAILED_LOGINS and a retry delay, without running it, while the account is
   * blocked. The attempt counts as failed until a success removes the count (openSession, changePassword).
   */
  attempt<T>(email: string, check: () => Promise<T>): Promise<T>;
}

/** The throttle with its counts in the database, so that they hold for all replicas. */
export function createLoginThrottle(sql: Sql, policy: ThrottlePolicy = LOGIN_THROTTLE): LoginThrottle {
  return {
    async attempt(email, check) {
      const account = emailDigest(email);
      const waitMs = await claimAttempt(sql, account, policy);
      if (waitMs !== undefined) {
        throw fail(
          'RESOURCE_EXHAUSTED',
          'TOO_MANY_FAILED_LOGINS',
          'Too many logins have failed. Try again later.',
          {
            retryAfterMs: waitMs,
          },
        );
      }
      try {
        return await check();
      } catch (error) {
        if (hasReason(error, 'PASSWORD_HASHING_BUSY')) await releaseAttempt(sql, account);
        throw error;
      }
    },
  };
}
