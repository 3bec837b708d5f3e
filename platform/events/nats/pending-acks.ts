import type { JsMsg } from '@nats-io/jetstream';
import type { Positions } from '../source.ts';

/** The last message that was taken of a partition, for now. */
export interface Taken {
  message: JsMsg;
  /** Up to where the partition is read with it. */
  position: bigint;
  /** Whether there was an event in it or before it: its effect has to be committed first. */
  fresh: boolean;
}

/** What was taken from a stream and is not acknowledged to it. */
export interface PendingAcks {
  /** Messages were taken, in order; these are the last ones of their partitions. */
  took(last: ReadonlyMap<number, Taken>): void;
  /** The effects are committed up to these positions: the stream need not send those messages again. */
  committed(positions: Positions): void;
}

/** Keeps what a reader takes until it is committed. One acknowledgement is for all messages before it as well. */
export function createPendingAcks(): PendingAcks {
  const pending = new Map<number, Taken[]>();

  return {
    took(last) {
      for (const [partition, taken] of last) {
        const before = pending.get(partition) ?? [];
        const latest = before.at(-1);
        if (taken.fresh) before.push(taken);
        else if (latest) latest.message = taken.message;
        else acknowledge(taken.message);
        pending.set(partition, before);
      }
    },
    committed(positions) {
      for (const [partition, position] of positions) {
        const before = pending.get(partition) ?? [];
        const next = before.findIndex((taken) => taken.position > position);
        const done = before.splice(0, next < 0 ? before.length : next);
        const latest = done.at(-1);
        if (latest) acknowledge(latest.message);
      }
    },
  };
}

function acknowledge(message: JsMsg): void {
  try {
    message.ack();
  } catch {
    // Its connection is closed: it comes again, and is known.
  }
}
