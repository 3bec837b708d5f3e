import type { Registry } from 'prom-client';
import type { Sql } from '../../platform/db/database.ts';
import { createEvents, type Events } from '../../platform/events/events.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { snapshot } from './snapshot-store.ts';
import { subscriptions } from './subscriptions.ts';

/** The settings of this service's events. */
export interface EventSettings {
  readonly INSTANCE: string;
  readonly EVENT_RETENTION_S: number;
  readonly EVENTS_URL: string;
}

/** What this service publishes, and what it makes of others' events. */
export function userEvents(config: EventSettings, sql: Sql, log: Logger, registry: Registry): Events {
  return createEvents({
    sql,
    service: 'user',
    instance: config.INSTANCE,
    subscriptions,
    snapshot,
    log,
    registry,
    retentionSeconds: config.EVENT_RETENTION_S,
    broker: config.EVENTS_URL,
  });
}
