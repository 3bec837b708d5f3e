import { type DescMessage, fromBinary } from '@bufbuild/protobuf';
import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { type DomainError, fail } from '../../errors.ts';
import { isUuid } from '../../id.ts';
import { partitionOf, type Received } from '../event.ts';
import { ReceivedEvent } from './received-event.ts';
import type { Subscription } from './subscription.ts';

/** Why an event is parked whose type is of a later version than is subscribed to. */
export const UNKNOWN_VERSION = 'UNKNOWN_VERSION';

/** An event, and what is to become of it here: one of the two below, or nothing. */
export interface Item {
  readonly event: Event;
  readonly partition: number;
  /** Who takes effect of it. */
  readonly known?: { readonly subscription: Subscription; readonly received: Received };
  /** Why nobody can: it is to be parked. */
  readonly fault?: DomainError;
}

/** What this service subscribes to of one publisher. */
export interface Catalogue {
  readonly publisher: string;
  readonly subscriptions: readonly Subscription[];
  /** Full names of the messages. */
  readonly types: readonly string[];
  /** Decodes an event. Throws INTERNAL, EVENT_MALFORMED for one without valid ids, which could not even be parked. */
  read(event: Event): Item;
}

interface Known {
  readonly subscription: Subscription;
  readonly schema: DescMessage;
}

/** Sorts subscriptions by publisher. Throws when two of them name the same type. */
export function catalogues(subscriptions: readonly Subscription[]): Catalogue[] {
  return [...Map.groupBy(subscriptions, ({ publisher }) => publisher)].map(([publisher, own]) =>
    catalogue(publisher, own),
  );
}

function catalogue(publisher: string, subscriptions: readonly Subscription[]): Catalogue {
  const known = new Map<string, Known>();
  /** The latest version of each type that is subscribed to, by its name without the version. */
  const latest = new Map<string, number>();
  for (const subscription of subscriptions) {
    for (const schema of subscription.schemas) {
      if (known.has(schema.typeName))
        throw new Error(`${schema.typeName} of ${publisher} has two subscriptions`);
      known.set(schema.typeName, { subscription, schema });
      const { name, version } = versioned(schema.typeName);
      latest.set(name, Math.max(version, latest.get(name) ?? 0));
    }
  }

  return {
    publisher,
    subscriptions,
    types: [...known.keys()],
    read(event) {
      if (!isUuid(event.subject) || !isUuid(event.id)) {
        throw fail('INTERNAL', 'EVENT_MALFORMED', `an event of ${publisher} has no valid id or subject`);
      }
      const partition = partitionOf(event.subject);
      const match = known.get(event.type);
      if (match !== undefined) return decode(event, partition, match);
      const { name, version } = versioned(event.type);
      const later = version > (latest.get(name) ?? version);
      return later ? { event, partition, fault: unknownVersion(event.type) } : { event, partition };
    },
  };
}

function decode(event: Event, partition: number, { subscription, schema }: Known): Item {
  try {
    const received = new ReceivedEvent(event, fromBinary(schema, event.data));
    return { event, partition, known: { subscription, received } };
  } catch (cause) {
    const fault = fail('INTERNAL', 'EVENT_UNDECODABLE', `the data is no ${schema.typeName}`, { cause });
    return { event, partition, fault };
  }
}

/** The error of an event of a type that this release doesn't know: another one may. */
export const unknownVersion = (type: string): DomainError =>
  fail('INTERNAL', UNKNOWN_VERSION, `${type} is not known here`);

/** `shop.user.v1.UserDeleted` is version 1 of `shop.user.UserDeleted`. A type without a version is of version 0. */
function versioned(type: string): { name: string; version: number } {
  const [, above, version, name] = /^(.+)\.v(\d+)\.([^.]+)$/.exec(type) ?? [];
  return version === undefined
    ? { name: type, version: 0 }
    : { name: `${above}.${name}`, version: Number(version) };
}
