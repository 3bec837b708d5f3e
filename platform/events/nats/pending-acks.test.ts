import type { JsMsg } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { createPendingAcks } from './pending-acks.ts';

/** Acknowledgements, and a way to take messages: `position` is where the partition is read up to with it. */
function given() {
  const acknowledged: string[] = [];
  const acks = createPendingAcks();
  const message = (name: string) => ({ ack: () => acknowledged.push(name) }) as unknown as JsMsg;
  const took = (partition: number, name: string, position: bigint, fresh = true) =>
    acks.took(new Map([[partition, { message: message(name), position, fresh }]]));
  return { acks, acknowledged, took };
}

test('an event is acknowledged once its effect is committed, and not before', () => {
  const { acks, acknowledged, took } = given();
  took(3, 'a', 10n);
  took(3, 'b', 20n);
  took(4, 'c', 15n);
  acks.committed(new Map([[3, 9n]]));
  expect(acknowledged).toEqual([]);
  acks.committed(new Map([[3, 19n]]));
  expect(acknowledged).toEqual(['a']);
  acks.committed(new Map([[3, 30n]]));
  acks.committed(new Map([[3, 40n]]));
  expect(acknowledged).toEqual(['a', 'b']);
});

test('one acknowledgement is for all before it', () => {
  const { acks, acknowledged, took } = given();
  for (const [i, name] of ['a', 'b', 'c'].entries()) took(3, name, BigInt(i + 1));
  acks.committed(new Map([[3, 3n]]));
  expect(acknowledged).toEqual(['c']);
});

test('a repeat or a mark waits for the events before it, and for nothing else', () => {
  const { acks, acknowledged, took } = given();
  took(3, 'mark', 5n, false);
  expect(acknowledged).toEqual(['mark']);
  took(3, 'event', 6n);
  took(3, 'repeat', 6n, false);
  expect(acknowledged).toEqual(['mark']);
  acks.committed(new Map([[3, 6n]]));
  expect(acknowledged).toEqual(['mark', 'repeat']);
});

test('a message of a connection that is closed is no failure', () => {
  const message = {
    ack() {
      throw new Error('closed');
    },
  } as unknown as JsMsg;
  createPendingAcks().took(new Map([[3, { message, position: 1n, fresh: false }]]));
});
