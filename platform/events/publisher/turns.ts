import { fail } from '../../errors.ts';

/** Lets so many at a time go on, first come, first served. */
export interface Turns {
  /** Waits for a turn, and gives what ends it. Throws CANCELLED when the signal aborts first. */
  take(signal: AbortSignal): Promise<() => void>;
}

/** Turns for `atOnce`. */
export function createTurns(atOnce: number): Turns {
  let free = atOnce;
  const queue: (() => void)[] = [];

  const release = (): void => {
    const next = queue.shift();
    if (next === undefined) free++;
    else next();
  };

  return {
    take(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(cancelled());
        if (free > 0) {
          free--;
          return resolve(release);
        }
        const aborted = (): void => {
          queue.splice(queue.indexOf(next), 1);
          reject(cancelled());
        };
        const next = (): void => {
          signal.removeEventListener('abort', aborted);
          resolve(release);
        };
        signal.addEventListener('abort', aborted, { once: true });
        queue.push(next);
      });
    },
  };
}

const cancelled = () => fail('CANCELLED', 'CANCELLED', 'The call was given up while it waited for its turn.');
