import type { NatsConnection } from '@nats-io/transport-node';
import { ANSWER_TIMEOUT_MS } from './broker.ts';
import type { Outgoing } from './wire.ts';

/** Publishes to one stream, by one connection. */
export interface StreamWriter {
  /**
   * Resolves when all messages are stored, in their order. Calls take turns.
   *
   * @throws if not all of them are, or nobody knows: those that are stored are the first ones, and this writer stores
   *   no more
   */
  write(messages: readonly Outgoing[]): Promise<void>;
}

/**
 * Begins to write to a stream whose last message has this sequence number. Each message says which number the one
 * before it has, and is refused if that isn't so: after one that was not stored, none is; nor is any after another
 * writer's. That makes one answer for many messages enough, the last one's, which is what makes it fast (JetStream's
 * atomic batches are slower, as they are first written to a file of their own: 10 ms for a batch of 10, and not 1 ms).
 */
export function writeStream(connection: NatsConnection, lastSequence: number): StreamWriter {
  let sequence = lastSequence;
  let turn: Promise<void> = Promise.resolve();

  async function write(messages: readonly Outgoing[]): Promise<void> {
    const last = messages.at(-1);
    if (!last) return;
    for (const { subject, headers, body } of messages) {
      headers.set('Nats-Expected-Last-Sequence', String(sequence++));
      if (headers !== last.headers) connection.publish(subject, body, { headers });
    }
    const { subject, headers, body } = last;
    const answer = await connection.request(subject, body, { headers, timeout: ANSWER_TIMEOUT_MS });
    const { error, seq, duplicate } = answer.json<Answer>();
    if (error || duplicate || seq !== sequence) {
      throw new Error(`the stream did not take the events: ${error?.description ?? 'it has other messages'}`);
    }
  }

  return {
    write(messages) {
      // After a failure all fail: the numbers don't fit any more.
      turn = turn.then(() => write(messages));
      return turn;
    },
  };
}

/** JetStream's answer to a message. */
interface Answer {
  readonly error?: { readonly description?: string };
  readonly seq?: number;
  readonly duplicate?: boolean;
}
