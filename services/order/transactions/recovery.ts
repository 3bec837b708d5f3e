import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenTransaction } from '../store/transaction-store.ts';
import type { Runtime } from './steps.ts';

/** Finishes a transaction of one kind that was left behind. */
export type Resume = (transaction: OpenTransaction) => Promise<void>;

/** Finishes what a process left open when it died. */
export interface Recovery {
  /** Takes over what is open and left behind, until `stopping`; resolves when it has stopped. */
  run(stopping: AbortSignal): Promise<void>;
  /** Takes over what is open and left behind of one order, and waits for it. */
  finishOpen(orderId?: string): Promise<void>;
}

const INTERVAL_MS = 2_000;
const MAX_CLAIMED = 32;

/** Recovery with what is known of each kind. A kind that is not known is left alone: a newer release's. */
export function createRecovery(runtime: Runtime, kinds: Readonly<Record<string, Resume>>): Recovery {
  const { transactions, log } = runtime;

  async function resume(transaction: OpenTransaction): Promise<void> {
    const { id, kind, orderId, state } = transaction;
    log.info({ transactionId: id, kind, orderId, state }, 'taking over a transaction');
    await kinds[kind]?.(transaction).catch((error: unknown) =>
      log.warn({ err: error, transactionId: id }, 'a takeover failed'),
    );
  }

  async function finishOpen(orderId?: string): Promise<void> {
    for (;;) {
      const claimed = await transactions.claim(MAX_CLAIMED, orderId);
      await Promise.all(claimed.map(resume));
      if (claimed.length < MAX_CLAIMED) return;
    }
  }

  return {
    finishOpen,
    async run(stopping) {
      while (!stopping.aborted) {
        await finishOpen().catch((error: unknown) => log.warn({ err: error }, 'recovery failed'));
        // Replicas that start together spread out.
        const pause = INTERVAL_MS * (0.75 + Math.random() / 2);
        await sleep(pause, undefined, { signal: stopping }).catch(() => {});
      }
    },
  };
}
