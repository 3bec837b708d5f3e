import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Broker } from './broker.ts';
import { takeDurable } from './durable.ts';
import { type Place, readPlace } from './wire.ts';

/** A message of a publisher's stream. */
export interface Delivery extends Place {
  readonly partition: number;
  readonly message: JsMsg;
}

/** What to read, and by what. */
export interface StreamReaderOptions {
  readonly broker: Broker;
  readonly publisher: string;
  /** The reading service's short name. */
  readonly consumer: string;
  readonly partitions: readonly number[];
  /** Told of what keeps it from reading, other than that the broker is away. It reads again soon. */
  readonly failed: (cause: unknown) => void;
  /** Told each time that it begins to read. */
  readonly opened: () => void;
  /** After so long without a message, in milliseconds, none can be expected. */
  readonly silenceMs: number;
}

/** The messages of some partitions of a stream, as they come in. Reads again after whatever went wrong. */
export interface StreamReader {
  /** The oldest message that was not taken. */
  peek(): Delivery | undefined;
  take(): Delivery | undefined;
  /** Whether messages can be expected: the stream is being read, and was heard of lately. */
  live(): boolean;
  /** Resolves at the next message or change of live(), or after `ms` milliseconds. */
  news(ms: number, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** How many messages of all partitions are kept here; as many of each are on their way at most. */
const MAX_WAITING = 1_000;
const MAX_PULLED = 100;
const PULL_EXPIRES_MS = 10_000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Opens a reader. It reads in the background, as far as what it keeps is taken. */
export function readStream(options: StreamReaderOptions): StreamReader {
  const { broker, publisher, consumer, partitions, silenceMs } = options;
  const closing = new AbortController();
  const waiting: Delivery[] = [];
  let change = Promise.withResolvers<void>();
  let room = Promise.withResolvers<void>();
  let state: 'away' | 'opening' | 'open' = broker.connection() ? 'opening' : 'away';
  let heardAt = performance.now();

  const changed = () => {
    change.resolve();
    change = Promise.withResolvers();
  };
  const makeRoom = () => {
    room.resolve();
    room = Promise.withResolvers();
  };
  const become = (now: typeof state) => {
    state = now;
    heardAt = performance.now();
    changed();
  };

  async function pump(partition: number, messages: ConsumerMessages, signal: AbortSignal): Promise<void> {
    for await (const message of messages) {
      const place = readPlace(message.headers);
      if (!place) continue;
      while (waiting.length >= MAX_WAITING && !signal.aborted) await room.promise;
      if (signal.aborted) return;
      waiting.push({ ...place, partition, message });
      heardAt = performance.now();
      changed();
    }
  }

  /** Reads until something ends it. */
  async function session(connection: NatsConnection): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([closing.signal, ended.signal]);
    become('opening');
    const consumers = await Promise.all(
      partitions.map((partition) => takeDurable(connection, { publisher, consumer, partition })),
    );
    const readers = await Promise.all(
      consumers.map((one) =>
        one.consume({ max_messages: MAX_PULLED, expires: PULL_EXPIRES_MS, abort_on_missing_resource: true }),
      ),
    );
    signal.addEventListener('abort', () => {
      for (const reader of readers) reader.stop();
      makeRoom();
    });
    if (signal.aborted) for (const reader of readers) reader.stop();
    become('open');
    options.opened();
    void connection.closed().then(() => ended.abort());
    const pumps = readers.map((reader, i) => pump(partitions[i] as number, reader, signal));
    try {
      // Not one of them ends by itself.
      await Promise.race(pumps);
    } finally {
      ended.abort();
      await Promise.allSettled(pumps);
    }
  }

  const keep = async () => {
    let pause = SHORTEST_PAUSE_MS;
    while (!closing.signal.aborted) {
      const connection = await broker.connected(closing.signal).catch(() => undefined);
      if (!connection) break;
      const began = performance.now();
      try {
        await session(connection);
      } catch (cause) {
        if (!connection.isClosed() && !closing.signal.aborted) options.failed(cause);
      }
      become('away');
      pause =
        performance.now() - began > LONGEST_PAUSE_MS
          ? SHORTEST_PAUSE_MS
          : Math.min(pause * 2, LONGEST_PAUSE_MS);
      await sleep(pause * (0.75 + Math.random() / 2), undefined, { signal: closing.signal }).catch(() => {});
    }
  };
  const keeping = keep();

  return {
    peek: () => waiting[0],
    take() {
      const first = waiting.shift();
      if (waiting.length === MAX_WAITING - 1) makeRoom();
      return first;
    },
    live: () => state !== 'away' && performance.now() - heardAt < silenceMs,
    async news(ms, signal) {
      const over = new AbortController();
      const either = AbortSignal.any([signal, over.signal]);
      await Promise.race([change.promise, sleep(ms, undefined, { signal: either }).catch(() => {})]);
      over.abort();
    },
    async close() {
      closing.abort();
      await keeping;
    },
  };
}
