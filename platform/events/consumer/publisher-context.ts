import type { Sql } from '../../db/database.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { EventSource } from '../source.ts';
import type { Catalogue } from './catalogue.ts';
import type { PublisherObserver } from './metrics.ts';
import type { ParkedStore } from './parked-store.ts';
import type { PositionStore } from './position-store.ts';

/** All that one instance works on one publisher's events with. */
export interface PublisherContext {
  readonly sql: Sql;
  readonly instance: string;
  readonly catalogue: Catalogue;
  readonly source: EventSource;
  readonly positions: PositionStore;
  readonly parked: ParkedStore;
  readonly observer: PublisherObserver;
  readonly log: Logger;
  /** Asks for a new assignment, as the present one is out of date. */
  refresh(): void;
}
