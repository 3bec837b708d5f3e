import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import type { Sql } from '../../db/database.ts';
import { repeat } from '../../lifecycle/repeat.ts';
import type { Logger } from '../../telemetry/log.ts';
import { partitionOf } from '../event.ts';
import type { Publisher } from '../publisher/publisher.ts';
import type { Positions } from '../source.ts';
import type { Broker } from './broker.ts';
import { whileLeader } from './leader.ts';
import { RELAY, relayStarts } from './relay-store.ts';
import { emptyStream, ensureStream, positionsIn } from './stream.ts';
import { writeStream } from './stream-writer.ts';
import { eventMessage, markMessage, type Outgoing } from './wire.ts';

/** What a relay stands on. */
export interface RelayOptions {
  /** The database that has the log. */
  readonly sql: Sql;
  /** The publishing service's short name. */
  readonly service: string;
  readonly publisher: Pick<Publisher, 'follow' | 'acknowledge'>;
  readonly broker: Broker;
  readonly log: Logger;
}

/** Copies the log of its service to the service's stream. */
export interface Relay {
  /** Begins, in the background, until `stopping`. */
  start(stopping: AbortSignal): void;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

/** How often instances that don't relay see whether they should. */
const LOOK_MS = 1_000;
const ACKNOWLEDGE_MS = 1_000;
/** How often the stream is told up to where it goes. Whoever reads it hears by that that there is a relay. */
export const MARK_MS = 5_000;
/** What a message's subject and headers may take of the largest message. */
const HEAD_BYTES = 4_096;

/**
 * The relay of one process. Of a service's replicas one relays at a time. One that was overtaken and doesn't know it
 * yet is refused by the stream, at its first message.
 */
export function createRelay(options: RelayOptions): Relay {
  const { sql, service, publisher, broker, log } = options;
  const stopped = new AbortController();
  let running: Promise<void> = Promise.resolve();

  async function run(signal: AbortSignal): Promise<void> {
    let failing = false;
    while (!signal.aborted) {
      const connection = await broker.connected(signal).catch(() => undefined);
      if (!connection) break;
      try {
        const closed = new AbortController();
        void connection.closed().then(() => closed.abort());
        const open = AbortSignal.any([signal, closed.signal]);
        await whileLeader(sql, 'event relay', open, async (mine) => {
          await relay(connection, mine, () => {
            if (failing) log.info('events are relayed again');
            failing = false;
          });
        });
      } catch (err) {
        // Of an outage of the broker there is a line already.
        const told: boolean = failing || signal.aborted || connection.isClosed();
        if (!told) log.warn({ err }, 'events can not be relayed to the broker');
        failing ||= !told;
      }
      await sleep(LOOK_MS * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => {});
    }
  }

  /** Relays until the signal, or until something fails. */
  async function relay(connection: NatsConnection, signal: AbortSignal, goes: () => void): Promise<void> {
    // The number first: should another relay write in between, the numbers don't fit, and it ends here.
    const writer = writeStream(connection, await ensureStream(connection, service));
    // Not asked for later: a connection that is closed doesn't know.
    const most = (connection.info?.max_payload ?? 0) - HEAD_BYTES;
    if (most <= 0) throw new Error('the broker takes no messages');
    const relayed = await whereToBegin(connection);
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    let acknowledged = new Map(relayed);
    let markedAt = 0;

    const acknowledge = async () => {
      const now = new Map(relayed);
      const news = [...now].filter(([partition, position]) => position > (acknowledged.get(partition) ?? 0n));
      if (news.length > 0) await publisher.acknowledge(RELAY, new Map(news));
      acknowledged = now;
    };
    /** What need not be done with each batch. */
    const tick = async () => {
      await acknowledge();
      if (performance.now() - markedAt < MARK_MS) return;
      markedAt = performance.now();
      await writer.write(marks(relayed));
    };
    await writer.write(marks(relayed));
    goes();
    const ticking = repeat(ACKNOWLEDGE_MS, either, () => tick().catch((cause) => failed.abort(cause)));
    try {
      for await (const events of publisher.follow(RELAY, new Map(relayed), either)) {
        const { messages, positions, leftOut } = messagesOf(events, relayed, most);
        await writer.write(messages);
        for (const [partition, position] of positions) relayed.set(partition, position);
        if (leftOut) markedAt = 0;
      }
      if (failed.signal.aborted) throw failed.signal.reason;
    } finally {
      failed.abort();
      await ticking;
    }
    await acknowledge();
  }

  /** Up to where each partition is in the stream. Of one that the stream has nothing of: what was acknowledged. */
  async function whereToBegin(connection: NatsConnection): Promise<Map<number, bigint>> {
    const stream = await positionsIn(connection, service);
    const starts = await relayStarts(sql);
    const foreign = starts.some(({ partition, last }) => (stream.get(partition) ?? 0n) > last);
    if (foreign) {
      log.warn('the stream has events that are not in the log: it is of another log, and is emptied');
      await emptyStream(connection, service);
    }
    return new Map(
      starts.map(({ partition, acknowledged, first }) => {
        // Less than what was acknowledged, if a crash took the end of the stream: it is relayed again.
        const there = foreign ? undefined : stream.get(partition);
        if (there === undefined) return [partition, acknowledged];
        const removed = there < first;
        return [partition, removed ? first : there];
      }),
    );
  }

  /**
   * Events as messages, and up to where they go. One that is too big for the broker is left out: whoever reads the
   * stream misses it, and reads it from the log.
   */
  function messagesOf(events: readonly Event[], relayed: Positions, most: number) {
    const positions = new Map(relayed);
    const messages: Outgoing[] = [];
    for (const event of events) {
      const partition = partitionOf(event.subject);
      const previous = positions.get(partition) ?? 0n;
      if (event.data.length <= most) messages.push(eventMessage(service, event, previous));
      positions.set(partition, event.position);
    }
    return { messages, positions, leftOut: messages.length < events.length };
  }

  const marks = (positions: Positions) =>
    [...positions].map(([partition, position]) => markMessage(service, partition, position));

  return {
    start(stopping) {
      running = run(AbortSignal.any([stopping, stopped.signal]));
    },
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
