import type { DescMessage, Message, MessageShape } from '@bufbuild/protobuf';
import type { Transaction } from '../../db/database.ts';
import type { Received } from '../event.ts';

/** What a subscription does with its events. `M` is the union of their messages, `P` what `prepare` found out. */
export interface Reaction<M extends Message, P> {
  /**
   * Looks up what `handle` needs from elsewhere, before the transaction begins: calls to other services belong here.
   * A failure that says that something is away (UNAVAILABLE, DEADLINE_EXCEEDED and the like) is waited out.
   */
  prepare?(events: readonly Received<M>[], signal: AbortSignal): Promise<P>;
  /**
   * Takes effect, in a transaction that also notes that it did: an event takes effect once. Events come in the order
   * of the log, as many as there are, so that one statement can serve them all. It may run again with the same events,
   * or fewer of them, after it was rolled back. Where it throws, the event at fault is found and set aside, with those
   * of its subject behind it. Events of a snapshot have position 0, and may tell what is known already.
   */
  handle(events: readonly Received<M>[], tx: Transaction, prepared: P): Promise<void>;
  /**
   * Called after each commit of what `handle` did, for what should follow it soon. It may not be called at all: the
   * process may die in between. Must not throw.
   */
  committed?(): void;
  /** Removes the copies of a partition's subjects (see partitionOf), in the transaction that puts them in anew. */
  reset?(tx: Transaction, partition: number): Promise<void>;
}

/** A reaction to some of a publisher's types of events, without its types. */
export interface Subscription extends Reaction<Message, unknown> {
  /** The publishing service's short name. */
  readonly publisher: string;
  readonly schemas: readonly DescMessage[];
}

/**
 * Subscribes to types of a publisher's events. A type belongs to one subscription. Types that are published by turns
 * belong in the same one: a batch is cut where the subscription changes, and each piece is a call of `handle`.
 *
 * @param publisher the publishing service's short name, `product`
 * @param schemas the types, as generated: `[ProductCreatedSchema, ProductDeletedSchema]`
 */
export function subscribe<const Schemas extends readonly DescMessage[], P = undefined>(
  publisher: string,
  schemas: Schemas,
  reaction: Reaction<MessageShape<Schemas[number]>, P>,
): Subscription {
  return { ...(reaction as unknown as Reaction<Message, unknown>), publisher, schemas };
}
