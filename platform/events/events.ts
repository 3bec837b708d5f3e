import type { Registry } from 'prom-client';
import type { Sql } from '../db/database.ts';
import type { Logger } from '../telemetry/log.ts';
import { createConsumer } from './consumer/consumer.ts';
import type { Subscription } from './consumer/subscription.ts';
import { eventRoutes } from './event-routes.ts';
import type { EventRoutes, FeedClient } from './event-service.ts';
import { feedSource } from './feed-source.ts';
import { createNatsTransport, withoutNats } from './nats/nats.ts';
import { createPublisher } from './publisher/publisher.ts';
import type { SnapshotReader } from './publisher/snapshot.ts';
import type { EventSource } from './source.ts';

/** What {@link createEvents} is made of. */
export interface EventsOptions {
  readonly sql: Sql;
  /** This service's short name, "order": the `source` of what it publishes. */
  readonly service: string;
  /** This process: unique among the service's. */
  readonly instance: string;
  /** What it makes of others' events. Default: nothing, and then nothing of others is read. */
  readonly subscriptions?: readonly Subscription[];
  /** Where each publisher that is subscribed to is read, by its short name: a client of its events, or a source. */
  readonly sources?: Readonly<Record<string, FeedClient | EventSource>>;
  /** Says what there is in one partition, as events. */
  readonly snapshot: SnapshotReader;
  readonly log: Logger;
  readonly registry: Registry;
  /** How long events stay in the log at the least, in seconds. */
  readonly retentionSeconds: number;
  /** The URL of the NATS broker by which events go, see nats/nats.ts. Default, or empty: from service to service. */
  readonly broker?: string;
}

/** A service's events: those that it publishes, and what it makes of others'. */
export interface Events {
  /** To be called after each commit that wrote to the outbox: the events are on their way at once. */
  wake(): void;
  /** Begins to publish and to consume, in the background, until `stopping` aborts or {@link Events.stop}. */
  start(stopping: AbortSignal): void;
  /** Stops and waits for what is under way; others take over at once. */
  stop(): Promise<void>;
  /** The handlers of the service's event service: `implement(OrderEventService, events.routes)`. */
  readonly routes: EventRoutes;
}

/**
 * Wires a service's publisher, consumer and event service.
 *
 * @throws Error when a publisher that is subscribed to has no source, or a type two subscriptions
 */
export function createEvents(options: EventsOptions): Events {
  const { sql, service, instance, snapshot, log, registry, retentionSeconds } = options;
  const publisher = createPublisher({ sql, source: service, snapshot, log, registry, retentionSeconds });
  const nats = options.broker
    ? createNatsTransport({ url: options.broker, sql, service, instance, log })
    : undefined;
  const sources = new Map(
    Object.entries(options.sources ?? {}).map(([name, source]) => {
      const feed = 'followEvents' in source ? feedSource(source) : source;
      return [name, nats?.source(name, feed) ?? feed];
    }),
  );
  const subscriptions = options.subscriptions ?? [];
  const consumer = createConsumer({ sql, instance, subscriptions, sources, log, registry });
  return {
    wake: publisher.wake,
    start(stopping) {
      publisher.start(stopping);
      consumer.start(stopping);
      if (nats) nats.relay(publisher, stopping);
      else void withoutNats(sql, log);
    },
    async stop() {
      await Promise.all([publisher.stop(), consumer.stop(), nats?.stop()]);
    },
    routes: eventRoutes(publisher, consumer),
  };
}
