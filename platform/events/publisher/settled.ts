import type { Move } from './log-store.ts';

/** Below which number nothing will ever be in the outbox again. */
export interface Settled {
  /** The number. 0: nothing is known. */
  readonly seq: bigint;
  /** Learns from a run, which moved no more than `atMost`. */
  learn(move: Move, atMost: number): void;
  /** Knows nothing again: the database may be another one, that was behind. */
  forget(): void;
}

/**
 * What move_events need not look at, learnt in two steps: a run notes the last number that was given to any
 * transaction, and its own id, which is above theirs. When a later run finds that all up to that id have ended, it has
 * moved what they left.
 */
export function createSettled(): Settled {
  let seq = 0n;
  let mark: { readonly seq: bigint; readonly xid: bigint } | undefined;

  return {
    get seq() {
      return seq;
    },

    learn({ moved, xid, givenSeq, lastSeq, oldestXid }, atMost) {
      if (mark !== undefined && oldestXid > mark.xid) {
        // A run that was full has left some of what is above the last one that it moved.
        seq = moved < atMost || lastSeq === null || mark.seq < lastSeq ? mark.seq : lastSeq;
        mark = undefined;
      }
      if (mark === undefined && xid !== null) mark = { seq: givenSeq, xid };
    },

    forget() {
      seq = 0n;
      mark = undefined;
    },
  };
}
