import { fail } from '../../platform/errors.ts';
import {
  decoyHash,
  hashPassword,
  isOutdated,
  PASSWORD_COST,
  type PasswordCost,
  verifyPassword,
} from './password.ts';

/** Hashes passwords, few at a time. Rejects with RESOURCE_EXHAUSTED, reason PASSWORD_HASHING_BUSY, past its bounds. */
export interface PasswordHasher {
  /** The password's hash in PHC string format. */
  hash(password: string): Promise<string>;
  /** Whether the hash is of that password. Without a hash: false, after as long as with one. */
  verify(password: string, phc: string | undefined): Promise<boolean>;
  /** Whether the hash should be made anew at today's cost. */
  isOutdated(phc: string): boolean;
}

/** The hasher's bounds. */
export interface PasswordHasherOptions {
  /** How many hashes are computed at once. */
  readonly concurrency: number;
  /** How many more may wait. Default 16 for each that is computed: they are through in about half a second. */
  readonly queueLength?: number;
  /** The longest wait, in milliseconds. Default 1,000. */
  readonly maxWaitMs?: number;
  readonly cost?: PasswordCost;
  /** Told of each hash that was computed, with the seconds it took. */
  readonly onHash?: (seconds: number) => void;
}

/**
 * A hash takes a core for tens of milliseconds and 19 MiB. Without a bound a burst of logins would starve every other
 * call, and with an unbounded queue each login would be answered after its caller has gone.
 */
export function createPasswordHasher(options: PasswordHasherOptions): PasswordHasher {
  const { concurrency, queueLength = 16 * concurrency, maxWaitMs = 1_000, cost = PASSWORD_COST } = options;
  const decoy = decoyHash(cost);
  const waiting = new Set<() => void>();
  let running = 0;

  async function enter(): Promise<void> {
    if (running < concurrency) {
      running++;
      return;
    }
    if (waiting.size >= queueLength) throw busy();
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        clearTimeout(timer);
        waiting.delete(start);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.delete(start);
        reject(busy());
      }, maxWaitMs);
      waiting.add(start);
    });
  }

  function leave(): void {
    // The slot goes to who has waited longest, so `running` stays as it is.
    const [next] = waiting;
    if (next) next();
    else running--;
  }

  async function run<T>(work: () => Promise<T>): Promise<T> {
    await enter();
    const began = performance.now();
    try {
      return await work();
    } finally {
      leave();
      options.onHash?.((performance.now() - began) / 1_000);
    }
  }

  const busy = () =>
    fail(
      'RESOURCE_EXHAUSTED',
      'PASSWORD_HASHING_BUSY',
      'Too many passwords are being checked. Try again soon.',
      {
        retryAfterMs: maxWaitMs,
      },
    );

  return {
    hash: (password) => run(() => hashPassword(password, cost)),
    verify: (password, phc) =>
      run(async () => {
        const matches = await verifyPassword(password, phc ?? decoy);
        return matches && phc !== undefined;
      }),
    isOutdated: (phc) => isOutdated(phc, cost),
  };
}
