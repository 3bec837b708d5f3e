import {
  AckPolicy,
  type Consumer,
  type ConsumerConfig,
  DeliverPolicy,
  jetstream,
  ReplayPolicy,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import type { NatsConnection } from '@nats-io/transport-node';
import { isMissing, MAX_AGE_MS, managerOf } from './stream.ts';
import { streamOf, subjectsOf } from './wire.ts';

/** One partition of a publisher's events, as one service reads it. */
export interface DurableName {
  readonly publisher: string;
  /** The reading service's short name. */
  readonly consumer: string;
  readonly partition: number;
}

/** How many messages may be unacknowledged: what a partition can have in a second, as they are acknowledged each second. */
const MAX_UNACKNOWLEDGED = 10_000;
/** Long after a message has taken effect. Whoever takes a partition over begins anew and doesn't wait for this. */
const ACK_WAIT_MS = 60_000;

/**
 * The durable consumer `order-3` of stream SOUK_USER, from where the service has acknowledged it. It is made anew each
 * time that an instance begins to read the partition: what the one before was sent and did not acknowledge comes again
 * at once, and that one, should it live, is sent nothing more.
 */
export async function takeDurable(connection: NatsConnection, name: DurableName): Promise<Consumer> {
  const { publisher, consumer, partition } = name;
  const stream = streamOf(publisher);
  const durable = `${consumer}-${partition}`;
  const { consumers } = await managerOf(connection);
  const before = await consumers.info(stream, durable).catch((cause) => {
    if (!isMissing(cause)) throw cause;
  });
  if (before) {
    await consumers.delete(stream, durable).catch((cause) => {
      if (!isMissing(cause)) throw cause;
    });
  }
  const info = await consumers.add(stream, {
    durable_name: durable,
    filter_subject: subjectsOf(publisher, partition),
    // Its reader takes a partition in order, so that one acknowledgement can be for all before it.
    ack_policy: AckPolicy.All,
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: MAX_UNACKNOWLEDGED,
    replay_policy: ReplayPolicy.Instant,
    inactive_threshold: nanos(MAX_AGE_MS),
    ...begin(before?.ack_floor.stream_seq),
  });
  return jetstream(connection).consumers.getConsumerFromInfo(info);
}

/**
 * With the last message that was acknowledged, or just the last one there is: its position tells at once whether the
 * stream leaves anything out for this reader.
 */
function begin(acknowledged: number | undefined): Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq'> {
  return acknowledged === undefined
    ? { deliver_policy: DeliverPolicy.Last }
    : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, acknowledged) };
}
