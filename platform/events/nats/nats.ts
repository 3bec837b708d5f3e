import type { Sql } from '../../db/database.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Publisher } from '../publisher/publisher.ts';
import type { EventSource } from '../source.ts';
import { connectBroker } from './broker.ts';
import { natsSource } from './nats-source.ts';
import { createRelay } from './relay.ts';
import { forgetRelay } from './relay-store.ts';

/** What a service's part in the NATS transport is made of. */
export interface NatsOptions {
  /** EVENTS_URL: `nats://user:password@host:4222`, or with `tls:`. A user alone is a token. */
  readonly url: string;
  readonly sql: Sql;
  /** This service's short name. */
  readonly service: string;
  /** This process: unique among the service's. */
  readonly instance: string;
  readonly log: Logger;
}

/** One process's part in the transport of events by NATS JetStream. */
export interface NatsTransport {
  /** A publisher read by its stream. `feed` is the publisher itself, which is asked where the stream leaves gaps. */
  source(publisher: string, feed: EventSource): EventSource;
  /** Copies this service's log to its stream, in the background, until `stopping` or {@link NatsTransport.stop}. */
  relay(publisher: Pick<Publisher, 'follow' | 'acknowledge'>, stopping: AbortSignal): void;
  /** Ends the relay and the connection. Sources end by their signals, and before this. */
  stop(): Promise<void>;
}

/** Connects to the broker in the background: a broker that is away keeps nothing from starting. */
export function createNatsTransport({ url, sql, service, instance, log }: NatsOptions): NatsTransport {
  const broker = connectBroker(url, instance, log);
  let stopRelay = async () => {};
  return {
    source: (publisher, feed) => natsSource({ broker, publisher, consumer: service, feed, log }),
    relay(publisher, stopping) {
      const relay = createRelay({ sql, service, publisher, broker, log });
      relay.start(stopping);
      stopRelay = relay.stop;
    },
    async stop() {
      await stopRelay();
      await broker.close();
    },
  };
}

/** Without the transport: what it left in the log no longer keeps the log from being cleaned up. */
export async function withoutNats(sql: Sql, log: Logger): Promise<void> {
  await forgetRelay(sql).catch((err) => log.warn({ err }, 'the relay could not be removed from the log'));
}
