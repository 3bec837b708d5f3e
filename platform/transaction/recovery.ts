import { type OpenTransaction, traceIdOf } from './log.ts';
import type { Runtime } from './runtime.ts';

/** Finishes a transaction of one kind that was left behind. */
export type Resume = (transaction: OpenTransaction) => Promise<void>;

/** Finishes what a process left open when it died, or did not get through with. */
export interface Recovery {
  /** Takes over what is open and left behind, until `stopping`; resolves when it has stopped. */
  run(stopping: AbortSignal): Promise<void>;
  /** Takes over what is open and left behind, of one entity where it is given, and waits for it. */
  finishOpen(entityId?: string): Promise<void>;
  /** Works on one now: when it is decided, or left behind undecided; otherwise leaves it to whoever works on it. */
  retry(id: string): Promise<void>;
}

/** With the lease of 6 s, a dead process's transactions are taken over after 9 s at most. */
const INTERVAL_MS = 2_000;
const MAX_CLAIMED = 32;

/** Recovery with what is known of each kind. A kind that is not known is left alone: a newer release's. */
export function createRecovery(runtime: Runtime, kinds: Readonly<Record<string, Resume>>): Recovery {
  const { transactions, log, clock, random, observer } = runtime;

  async function resume(transaction: OpenTransaction): Promise<void> {
    const { id, kind, entityId, state, epoch } = transaction;
    const traceId = traceIdOf(transaction);
    log.info({ traceId, transactionId: id, kind, entityId, state, epoch }, 'taking over a transaction');
    observer.recovered(kind);
    await kinds[kind]?.(transaction).catch((error: unknown) =>
      log.warn({ err: error, traceId, transactionId: id }, 'a takeover failed'),
    );
  }

  async function finishOpen(entityId?: string): Promise<void> {
    for (;;) {
      const claimed = await transactions.claim(MAX_CLAIMED, entityId);
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
        await clock.sleep(INTERVAL_MS * (0.75 + random() / 2), stopping);
      }
    },
    async retry(id) {
      const transaction = await transactions.claimOne(id, true);
      if (transaction !== undefined) await resume(transaction);
    },
  };
}
