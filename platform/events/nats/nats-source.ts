import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { fail } from '../../errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { partitionOf } from '../event.ts';
import type { EventSource } from '../source.ts';
import type { Broker } from './broker.ts';
import { createPendingAcks, type Taken } from './pending-acks.ts';
import { MARK_MS } from './relay.ts';
import { readStream, type StreamReader } from './stream-reader.ts';
import { readEvent } from './wire.ts';

/** What a source reads. */
export interface NatsSourceOptions {
  readonly broker: Broker;
  /** The publisher's short name. */
  readonly publisher: string;
  /** The reading service's short name. */
  readonly consumer: string;
  /** The publisher itself. Its log is the truth, of which the stream is a copy. */
  readonly feed: EventSource;
  readonly log: Logger;
  /** After so long without a word from the stream, in milliseconds, nobody relays. Default: three marks unheard. */
  readonly silenceMs?: number;
}

/** A batch goes on until it has so many events or bytes, if there are so many already. */
const MAX_BATCH = 500;
const MAX_BATCH_BYTES = 256 * 1024;
/** After so long without events an empty batch says that all is well. */
const KEEP_ALIVE_MS = 10_000;

/**
 * Reads a publisher's events from its stream. Each message tells which position of its partition came before it: if
 * that was not read here, the publisher's log is read instead, until nothing is missing. So it is while the broker is
 * away, or nobody relays. What a stream loses, doubles or mixes up is made good by that.
 */
export function natsSource(options: NatsSourceOptions): EventSource {
  const { publisher, feed, log, silenceMs = 3 * MARK_MS } = options;
  const keepAliveMs = Math.min(KEEP_ALIVE_MS, silenceMs);
  let acks = createPendingAcks();
  let unreadable = false;

  const failed = (cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const line = 'the stream can not be read: events are read from the log';
    if (!unreadable) log.warn({ publisher, reason }, line);
    unreadable = true;
  };
  const opened = () => {
    if (unreadable) log.info({ publisher }, 'the stream is read again');
    unreadable = false;
  };

  return {
    snapshot: (partition, signal) => feed.snapshot(partition, signal),
    acknowledge(positions) {
      acks.committed(positions);
      return feed.acknowledge(positions);
    },
    async *follow(positions, signal) {
      const read = new Map(positions);
      acks = createPendingAcks();
      const reader = readStream({ ...options, silenceMs, partitions: [...read.keys()], failed, opened });
      try {
        while (!signal.aborted) {
          const { events, last, gap } = nextBatch(reader, read);
          acks.took(last);
          // Of marks alone, too: they say that all is well.
          if (last.size > 0) yield events;
          if (gap) {
            log.debug(
              { publisher, ...gap, upTo: String(gap.upTo) },
              'reading from the log what is missing in the stream',
            );
            yield* fromLog(() => (read.get(gap.partition) ?? 0n) >= gap.upTo);
          } else if (!reader.live()) {
            yield* fromLog(() => reader.peek() !== undefined);
          } else if (!reader.peek()) {
            await reader.news(keepAliveMs, signal);
            if (!reader.peek() && reader.live() && !signal.aborted) yield [];
          }
        }
      } finally {
        await reader.close();
      }

      /** Reads the log until `enough`, which is also looked at when the stream has news. */
      async function* fromLog(enough: () => boolean): AsyncIterable<readonly Event[]> {
        const stopped = new AbortController();
        const either = AbortSignal.any([signal, stopped.signal]);
        const watching = (async () => {
          while (!either.aborted && !enough()) await reader.news(keepAliveMs, either);
          stopped.abort();
        })();
        try {
          for await (const batch of feed.follow(new Map(read), either)) {
            const events = batch.filter((event) => moveOn(read, event));
            if (events.length > 0 || batch.length === 0) yield events;
            if (enough()) return;
          }
          // Else it would be asked again at once, for as long as it ends its streams.
          if (!either.aborted) throw ended();
        } finally {
          stopped.abort();
          await watching;
        }
      }
    },
  };
}

const ended = () => fail('UNAVAILABLE', 'EVENTS_ENDED', 'The publisher has ended the stream.');

/** What is missing between what was read of a partition and a message of the stream. */
interface Gap {
  readonly partition: number;
  readonly upTo: bigint;
}

/** Takes messages as far as nothing is missing, and moves `read` on. `last` has the last one of each partition. */
function nextBatch(reader: StreamReader, read: Map<number, bigint>) {
  const events: Event[] = [];
  const last = new Map<number, Taken>();
  let bytes = 0;
  let gap: Gap | undefined;
  while (events.length < MAX_BATCH && bytes < MAX_BATCH_BYTES) {
    const delivery = reader.peek();
    if (!delivery) break;
    const { partition, previous, position, message } = delivery;
    const here = read.get(partition) ?? 0n;
    if (previous > here) {
      gap = { partition, upTo: previous };
      break;
    }
    reader.take();
    const event = position === undefined || position <= here ? undefined : readEvent(message.data);
    const fresh = event !== undefined && moveOn(read, event);
    if (fresh) {
      events.push(event);
      bytes += message.data.length;
    }
    last.set(partition, {
      message,
      position: read.get(partition) ?? 0n,
      fresh: fresh || last.get(partition)?.fresh === true,
    });
  }
  return { events, last, gap };
}

/** Notes that an event is read. False: it was read before. */
function moveOn(read: Map<number, bigint>, event: Event): boolean {
  const partition = partitionOf(event.subject);
  if (event.position <= (read.get(partition) ?? 0n)) return false;
  read.set(partition, event.position);
  return true;
}
