import type { Listener } from '../../platform/db/database.ts';
import type { ChangeStore } from './store/change-store.ts';

/** A watcher's place in the feed. */
export interface Subscription {
  /** Resolves when the order may have changed since this was last called or the subscription began, or at the abort. */
  next(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Wakes whoever waits for changes of an order, whichever replica made them. */
export interface ChangeFeed {
  start(): void;
  stop(): Promise<void>;
  subscribe(orderId: string): Subscription;
}

/** A notification is lost when a process dies between commit and telling. So everybody looks this often. */
const LOOK_MS = 15_000;

/** The feed. It uses one connection, however many watch. */
export function createChangeFeed(changes: Pick<ChangeStore, 'listen'>): ChangeFeed {
  const watchers = new Map<string, Set<() => void>>();
  let listener: Listener | undefined;
  let timer: NodeJS.Timeout | undefined;

  function wake(orderIds: Iterable<string>): void {
    for (const orderId of orderIds) for (const wakeOne of watchers.get(orderId) ?? []) wakeOne();
  }
  const wakeAll = (): void => wake(watchers.keys());

  return {
    start() {
      listener = changes.listen(wake, wakeAll);
      timer = setInterval(wakeAll, LOOK_MS);
    },

    async stop() {
      clearInterval(timer);
      await listener?.close();
    },

    subscribe(orderId) {
      let changed = false;
      let waiting: (() => void) | undefined;
      const wakeOne = (): void => {
        changed = true;
        waiting?.();
      };
      const others = watchers.get(orderId) ?? new Set();
      watchers.set(orderId, others.add(wakeOne));

      return {
        async next(signal) {
          if (!changed && !signal.aborted) {
            await new Promise<void>((resolve) => {
              waiting = () => {
                signal.removeEventListener('abort', waiting as () => void);
                resolve();
              };
              signal.addEventListener('abort', waiting);
            });
            waiting = undefined;
          }
          changed = false;
        },
        close() {
          others.delete(wakeOne);
          if (others.size === 0 && watchers.get(orderId) === others) watchers.delete(orderId);
        },
      };
    },
  };
}
