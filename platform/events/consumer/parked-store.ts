import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Event, EventSchema } from '@souk/contracts/shop/event/v1/event_pb.js';
import type { Query, Sql, Transaction } from '../../db/database.ts';
import { UNKNOWN_VERSION } from './catalogue.ts';

/** Where a parked event stands. The first of a subject is RETRYING or PARKED, those behind it are WAITING. */
export type ParkedState = 'RETRYING' | 'WAITING' | 'PARKED';

/** An event that is being parked. */
export interface NewParked {
  readonly event: Event;
  readonly partition: number;
  readonly state: ParkedState;
  readonly lastError: string;
  /** Milliseconds until the next attempt. Null: not by itself. */
  readonly retryMs: number | null;
}

/** Which parked event. */
export interface ParkedKey {
  readonly publisher: string;
  readonly position: bigint;
}

/** One that is due. */
export interface DueEvent extends ParkedKey {
  readonly event: Event;
  readonly attempts: number;
}

/** What could not take effect yet, as the processing of events needs it. inbox.sql holds the table. */
export interface ParkedStore {
  /**
   * Which of the subjects have parked events. None of these can be taken up before the transaction ends: what it adds
   * stands behind them. Waits for whoever is taking effect of one.
   */
  parkedSubjects(tx: Transaction, publisher: string, subjects: readonly string[]): Promise<Set<string>>;
  /** One that is parked already stays as it is. */
  add(tx: Transaction, publisher: string, events: readonly NewParked[]): Promise<void>;
  /** Removes those of a partition, whose copies are made anew. Waits for whoever is taking effect of one. */
  clear(tx: Transaction, publisher: string, partition: number): Promise<void>;
  /**
   * Takes one that is due, so that others leave it alone for half a minute: also one of an unknown version, when its
   * type is among the given ones, by publisher.
   */
  claim(types: ReadonlyMap<string, readonly string[]>): Promise<DueEvent | undefined>;
  /** Locks one that is about to take effect. False: it is not to be tried any more, or another is at it. */
  lock(tx: Transaction, key: ParkedKey): Promise<boolean>;
  /** Removes one that took effect, or never shall; the next of its subject is due at once. */
  remove(tx: Transaction, key: ParkedKey, subject: string): Promise<void>;
  /** Notes a failed attempt. `retryMs` null: it is not tried again by itself. */
  failed(key: ParkedKey, lastError: string, retryMs: number | null): Promise<void>;
  /** Puts one off without counting an attempt. */
  postpone(key: ParkedKey, ms: number): Promise<void>;
}

/** Parked events in PostgreSQL. */
export function createParkedStore(sql: Sql): ParkedStore {
  async function take(which: Query<readonly object[]>): Promise<DueEvent | undefined> {
    const [row] = await sql<{ publisher: string; position: bigint; event: Buffer; attempts: number }[]>`
      update parked_events set state = 'RETRYING', next_attempt_at = now() + interval '30 seconds'
      where (publisher, position) = (${which})
      returning publisher, position, event, attempts`;
    return row && { ...row, event: fromBinary(EventSchema, row.event) };
  }

  return {
    async parkedSubjects(tx, publisher, subjects) {
      // The last one is never removed alone while there are others, and its removal waits for the lock.
      const rows = await tx<{ subject: string }[]>`
        select s.subject from unnest(${subjects}::uuid[]) as s (subject), lateral (
          select from parked_events p where p.publisher = ${publisher} and p.subject = s.subject
          order by p.position desc limit 1 for key share
        ) as last`;
      return new Set(rows.map(({ subject }) => subject));
    },

    async add(tx, publisher, events) {
      if (events.length === 0) return;
      await tx`
        insert into parked_events (
          publisher, position, partition, event_id, subject, type, event, state, attempts, last_error, next_attempt_at
        )
        select ${publisher}, position, partition, event_id, subject, type, event, state,
               case state when 'RETRYING' then 1 else 0 end, last_error, now() + retry_ms * interval '1 millisecond'
        from unnest(
          ${events.map(({ event }) => event.position)}::bigint[], ${events.map((each) => each.partition)}::smallint[],
          ${events.map(({ event }) => event.id)}::uuid[], ${events.map(({ event }) => event.subject)}::uuid[],
          ${events.map(({ event }) => event.type)}::text[],
          ${events.map(({ event }) => Buffer.from(toBinary(EventSchema, event)))}::bytea[],
          ${events.map((each) => each.state)}::text[], ${events.map((each) => each.lastError)}::text[],
          ${events.map((each) => each.retryMs)}::double precision[]
        ) as g (position, partition, event_id, subject, type, event, state, last_error, retry_ms)
        on conflict (publisher, position) do nothing`;
    },

    async clear(tx, publisher, partition) {
      await tx`delete from parked_events where publisher = ${publisher} and partition = ${partition}`;
    },

    async claim(types) {
      const known = [...types].flatMap(([publisher, names]) =>
        names.map((name) => [publisher, name] as const),
      );
      // One after the other, as each has an index that tells the first at once.
      const due = await take(sql`
        select publisher, position from parked_events
        where state = 'RETRYING' and next_attempt_at <= now()
        order by next_attempt_at limit 1 for update skip locked`);
      return (
        due ??
        take(sql`
          select publisher, position from parked_events
          where last_error = ${UNKNOWN_VERSION} and state = 'PARKED' and (publisher, type) in (
            select * from unnest(${known.map(([of]) => of)}::text[], ${known.map(([, name]) => name)}::text[])
          )
          limit 1 for update skip locked`)
      );
    },

    async lock(tx, { publisher, position }) {
      const { count } = await tx`
        select from parked_events
        where publisher = ${publisher} and position = ${position} and state = 'RETRYING'
        for update skip locked`;
      return count === 1;
    },

    async remove(tx, { publisher, position }, subject) {
      await tx`delete from parked_events where publisher = ${publisher} and position = ${position}`;
      await tx`
        update parked_events set state = 'RETRYING', next_attempt_at = now()
        where publisher = ${publisher} and state = 'WAITING' and position = (
          select min(position) from parked_events where publisher = ${publisher} and subject = ${subject}
        )`;
    },

    async failed({ publisher, position }, lastError, retryMs) {
      await sql`
        update parked_events
        set state = ${retryMs === null ? 'PARKED' : 'RETRYING'}, attempts = attempts + 1, last_error = ${lastError},
            next_attempt_at = now() + ${retryMs}::double precision * interval '1 millisecond'
        where publisher = ${publisher} and position = ${position} and state = 'RETRYING'`;
    },

    async postpone({ publisher, position }, ms) {
      await sql`
        update parked_events set next_attempt_at = now() + ${ms}::double precision * interval '1 millisecond'
        where publisher = ${publisher} and position = ${position} and state = 'RETRYING'`;
    },
  };
}
