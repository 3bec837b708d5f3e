import {
  ProductCreatedSchema,
  ProductDeletedSchema,
  ProductUpdatedSchema,
} from '@souk/contracts/shop/product/v1/product_events_pb.js';
import {
  UserDeletedSchema,
  UserRegisteredSchema,
  UserUpdatedSchema,
} from '@souk/contracts/shop/user/v1/user_events_pb.js';
import { type Subscription, subscribe } from '../../platform/events/consumer/subscription.ts';
import { formatTraceparent } from '../../platform/telemetry/trace.ts';
import type { DisplayNames } from './clients/display-names.ts';
import { closeOrders } from './store/closing-store.ts';
import { type Copy, productCopies, userCopies } from './store/copy-store.ts';

/** What the service needs to make something of others' events. */
export interface SubscriptionParts {
  readonly displayNames: DisplayNames;
  /** Is told once orders of deleted accounts were closed, or may have been. */
  readonly closed: (orderIds: ReadonlySet<string>) => void;
}

/** What the service makes of others' events. */
export const createSubscriptions = (parts: SubscriptionParts): Subscription[] => [
  followUsers(parts),
  followProducts(),
];

/** Of each subject the last event: the others are history. */
const lastOf = <E extends { readonly subject: string }>(events: readonly E[]): E[] => [
  ...new Map(events.map((event) => [event.subject, event])).values(),
];

/** Names of people are asked for, as no event carries one. Who deletes the account has the open orders closed. */
function followUsers({ displayNames, closed }: SubscriptionParts): Subscription {
  // Of a transaction that is not committed yet, too: then it is told too early, and the recovery's next look helps.
  const touched = new Set<string>();
  return subscribe('user', [UserRegisteredSchema, UserUpdatedSchema, UserDeletedSchema], {
    async prepare(events, signal) {
      const living = lastOf(events).filter(({ message }) => message.$typeName !== UserDeletedSchema.typeName);
      const trace = living[0]?.trace;
      return displayNames.read(
        living.map(({ subject }) => subject),
        { signal, ...(trace && { trace }) },
      );
    },

    async handle(events, tx, names) {
      const copies = lastOf(events).flatMap(({ subject: id, message }): Copy[] => {
        if (message.$typeName === UserDeletedSchema.typeName)
          return [{ id, version: message.version, name: undefined }];
        // Nothing was found when the account was deleted since: its last event is on its way.
        const found = names.get(id);
        return found === undefined ? [] : [{ id, ...found }];
      });
      await userCopies.put(tx, copies);
      const departed = events
        .filter(({ message }) => message.$typeName === UserDeletedSchema.typeName)
        .map(({ subject, trace }) => ({ userId: subject, traceparent: formatTraceparent(trace) }));
      if (departed.length === 0) return;
      for (const orderId of await closeOrders(tx, departed)) touched.add(orderId);
    },

    committed() {
      if (touched.size === 0) return;
      closed(new Set(touched));
      touched.clear();
    },

    reset: userCopies.reset,
  });
}

function followProducts(): Subscription {
  return subscribe('product', [ProductCreatedSchema, ProductUpdatedSchema, ProductDeletedSchema], {
    async handle(events, tx) {
      const copies = lastOf(events).map(({ subject: id, message }): Copy => {
        const name = message.$typeName === ProductDeletedSchema.typeName ? undefined : message.name;
        return { id, version: message.version, name };
      });
      await productCopies.put(tx, copies);
    },

    reset: productCopies.reset,
  });
}
