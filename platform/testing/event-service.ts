import { ProductEventService } from '@souk/contracts/shop/product/v1/product_event_service_pb.js';
import { Registry } from 'prom-client';
import { onTestFinished } from 'vitest';
import { createAuthenticate } from '../auth/authenticate.ts';
import { SERVICE_HEADER } from '../auth/service-token.ts';
import type { Sql } from '../db/database.ts';
import { createEvents, type Events, type EventsOptions } from '../events/events.ts';
import { feedSource } from '../events/feed-source.ts';
import { appendEvents } from '../events/outbox.ts';
import { removeOldEvents } from '../events/publisher/retention.ts';
import { type Client, createClient } from '../rpc/client.ts';
import { implement } from '../rpc/routes.ts';
import { createLogger } from '../telemetry/log.ts';
import { testDatabase } from './database.ts';
import { createOutbox } from './outbox.ts';
import { createCopies } from './product-copies.ts';
import { testServer } from './server.ts';
import type { ContractPublisher } from './source-contract.ts';

/** Who calls: a service that may read the events, or an admin. */
export type TestCaller = 'order' | 'user' | 'admin';

/** The product service's events over real gRPC, for the test that runs. */
export interface TestEventService extends ContractPublisher {
  readonly address: string;
  readonly events: Events;
  client(caller: TestCaller): Client<typeof ProductEventService>;
}

const authenticate = createAuthenticate({
  serviceTokens: new Map(['order', 'user', 'admin'].map((name) => [name, serviceToken(name)])),
});

/** With which a service proves its name to a {@link TestEventService}. */
export function serviceToken(name: string): string {
  return `the-secret-of-${name}`;
}

/**
 * A database with outbox, inbox, copies of products, and the last event of each subject as its state. For the top of a file. `start` empties
 * it and serves its events.
 */
export async function testEventServices() {
  const { sql } = await testDatabase('platform');
  await createOutbox(sql);
  await createCopies(sql);
  await sql.unsafe(`create table state (subject uuid primary key, type text not null, data bytea not null)`);
  return { sql, start: (options: Partial<EventsOptions> = {}) => start(sql, options) };
}

async function start(sql: Sql, options: Partial<EventsOptions>): Promise<TestEventService> {
  await sql.unsafe(`
    truncate state, events, outbox, event_consumers, event_positions, event_members, parked_events, copies, effects;
    update event_log_starts set position = 0`);
  const events = createEvents({
    sql,
    service: 'product',
    instance: 'product-1',
    snapshot,
    log: createLogger({ service: 'product', instance: 'product-1', level: 'fatal' }),
    registry: new Registry(),
    retentionSeconds: 3_600,
    ...options,
  });
  const stopping = new AbortController();
  events.start(stopping.signal);
  const { address } = await testServer({
    implementations: [implement(ProductEventService, events.routes)],
    authenticate: async (metadata) =>
      metadata.get(SERVICE_HEADER)[0] === 'admin'
        ? { kind: 'user', userId: 'a', role: 'admin', sessionId: 's' }
        : authenticate(metadata),
  });
  onTestFinished(async () => {
    stopping.abort();
    await events.stop();
  });

  const client = (caller: TestCaller) => {
    const made = createClient(ProductEventService, {
      address,
      serviceName: caller,
      serviceToken: serviceToken(caller),
    });
    onTestFinished(() => made.close());
    return made;
  };
  return {
    address,
    events,
    client,
    source: (consumer) => feedSource(client(consumer as TestCaller)),
    async publish(published) {
      await sql.begin(async (tx) => {
        const last = [...new Map(published.map((event) => [event.subject, event])).values()];
        await tx`
          insert into state (subject, type, data)
          select * from unnest(
            ${last.map(({ subject }) => subject)}::uuid[], ${last.map(({ type }) => type)}::text[],
            ${last.map(({ data }) => data)}::bytea[]
          )
          on conflict (subject) do update set type = excluded.type, data = excluded.data`;
        await appendEvents(tx, published);
      });
      events.wake();
    },
    async removeOld() {
      await removeOldEvents(sql, 0);
    },
  };
}

const snapshot: EventsOptions['snapshot'] = async function* (tx, partition) {
  const page = 250;
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows = await tx<{ subject: string; type: string; data: Buffer }[]>`
      select subject, type, data from state
      where subject > ${after}::uuid and event_partition(subject) = ${partition} order by subject limit ${page}`;
    yield rows.map((row) => ({ id: crypto.randomUUID(), traceparent: '', ...row }));
    const last = rows.at(-1);
    if (last === undefined || rows.length < page) return;
    after = last.subject;
  }
};
