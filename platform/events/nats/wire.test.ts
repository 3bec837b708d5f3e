import { create } from '@bufbuild/protobuf';
import { headers } from '@nats-io/transport-node';
import { EventSchema } from '@souk/contracts/shop/event/v1/event_pb.js';
import { expect, test } from 'vitest';
import { eventMessage, markMessage, readEvent, readPlace, streamOf, subjectsOf } from './wire.ts';

const event = create(EventSchema, {
  id: '019a0000-0000-7000-8000-000000000001',
  type: 'shop.user.v1.UserUpdated',
  subject: '019a0000-0000-7000-8000-00000000000b',
  data: new Uint8Array([1, 2, 3]),
  position: 7n,
});

test('an event is found by publisher, partition and type, known again by its id, and arrives whole', () => {
  const message = eventMessage('user', event, 5n);
  expect(message.subject).toBe('souk.user.3.shop.user.v1.UserUpdated');
  expect(message.id).toBe(event.id);
  expect(readPlace(message.headers)).toEqual({ previous: 5n, position: 7n });
  expect(readEvent(message.body)).toEqual(event);
});

test('a mark has a place and no event', () => {
  const mark = markMessage('user', 3, 7n);
  expect(mark.subject).toBe('souk.user.3.mark');
  expect(readPlace(mark.headers)).toEqual({ previous: 7n, position: undefined });
});

test('streams and subjects are named after the publisher', () => {
  expect(streamOf('gift-card')).toBe('SOUK_GIFT_CARD');
  expect([subjectsOf('user'), subjectsOf('user', 0)]).toEqual(['souk.user.>', 'souk.user.0.>']);
});

test.each(['', '-1', '1.5', '0x1', '9'.repeat(19), 'NaN'])('a message at "%s" is none of ours', (place) => {
  const head = headers();
  head.set('Event-Previous', place);
  expect(readPlace(head)).toBeUndefined();
});

test('what is no event is told from one', () => {
  expect(readPlace(undefined)).toBeUndefined();
  expect(readEvent(new Uint8Array([255, 255]))).toBeUndefined();
});
