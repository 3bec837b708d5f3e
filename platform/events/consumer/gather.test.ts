import { create } from '@bufbuild/protobuf';
import { type Event, EventSchema } from '@souk/contracts/shop/event/v1/event_pb.js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Item } from './catalogue.ts';
import { gather } from './gather.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const event = (position: number, bytes = 0): Event =>
  create(EventSchema, { position: BigInt(position), data: new Uint8Array(bytes) });
const read = (each: Event): Item => ({ event: each, partition: 0 });
const positions = (items: readonly Item[] | undefined) =>
  items?.map(({ event: { position } }) => Number(position));

/** A stream that a test feeds; `taken` batches were asked for. */
function feed() {
  const queue: { batch?: readonly Event[]; error?: Error; end?: boolean }[] = [];
  let wake = () => {};
  const state = { taken: 0, returned: false };
  const push = (entry: (typeof queue)[number]): void => {
    queue.push(entry);
    wake();
  };
  async function* batches(): AsyncGenerator<readonly Event[]> {
    try {
      for (;;) {
        while (queue.length === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        const { batch, error, end } = queue.shift() ?? {};
        if (error) throw error;
        if (end) return;
        state.taken++;
        yield batch ?? [];
      }
    } finally {
      state.returned = true;
    }
  }
  return { push, state, batches };
}
const settle = () => vi.advanceTimersByTimeAsync(0);

test('small batches that came meanwhile are one; an end and an error come after them', async () => {
  const stream = feed();
  const gathered = gather(stream.batches(), read, new AbortController());
  for (let position = 1; position <= 5; position++) stream.push({ batch: [event(position)] });
  await settle();
  expect(positions(await gathered.next(1_000))).toEqual([1, 2, 3, 4, 5]);
  stream.push({ batch: [event(6)] });
  stream.push({ end: true });
  await settle();
  expect(positions(await gathered.next(1_000))).toEqual([6]);
  expect(await gathered.next(1_000)).toBeUndefined();

  const failing = feed();
  const other = gather(failing.batches(), read, new AbortController());
  failing.push({ batch: [event(1)] });
  failing.push({ error: new Error('broken') });
  await settle();
  expect(positions(await other.next(1_000))).toEqual([1]);
  await expect(other.next(1_000)).rejects.toThrow('broken');
});

test('a wait ends empty after its time, and batches never make more than 500 events, but for a larger one', async () => {
  const stream = feed();
  const gathered = gather(stream.batches(), read, new AbortController());
  const waiting = gathered.next(1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await waiting).toEqual([]);
  const batch = (size: number) => ({ batch: Array.from({ length: size }, (_, i) => event(i)) });
  stream.push(batch(300));
  stream.push(batch(300));
  stream.push(batch(200));
  await settle();
  expect(await gathered.next(1_000)).toHaveLength(300);
  expect(await gathered.next(1_000)).toHaveLength(500);
  stream.push(batch(700));
  await settle();
  expect(await gathered.next(1_000)).toHaveLength(700);
});

test('it reads ahead no further than a bound, by events and by bytes, and goes on when there is room', async () => {
  const many = feed();
  const byEvents = gather(many.batches(), read, new AbortController());
  for (let i = 0; i < 20; i++) many.push({ batch: Array.from({ length: 100 }, () => event(i)) });
  await settle();
  expect(many.state.taken).toBe(10);
  await byEvents.next(1_000);
  await settle();
  expect(many.state.taken).toBe(15);

  const large = feed();
  const byBytes = gather(large.batches(), read, new AbortController());
  for (let i = 0; i < 20; i++) large.push({ batch: [event(i, 256 * 1024)] });
  await settle();
  expect(large.state.taken).toBe(4);
  await byBytes.next(1_000);
  await settle();
  expect(large.state.taken).toBe(8);
});

test('a publisher that is silent for 30 s is given up; signs of life keep it, and so does a reader that is slow', async () => {
  const silent = feed();
  const scope = new AbortController();
  const gathered = gather(silent.batches(), read, scope);
  for (let i = 0; i < 4; i++) {
    await vi.advanceTimersByTimeAsync(20_000);
    expect(scope.signal.aborted).toBe(false);
    silent.push({ batch: [] });
  }
  const waiting = gathered.next(Number.POSITIVE_INFINITY);
  const failed = expect(waiting).rejects.toMatchObject({ kind: 'UNAVAILABLE', reason: 'EVENTS_SILENT' });
  await vi.advanceTimersByTimeAsync(31_000);
  await failed;

  const full = feed();
  const patient = new AbortController();
  gather(full.batches(), read, patient);
  full.push({ batch: Array.from({ length: 1_000 }, () => event(1)) });
  await vi.advanceTimersByTimeAsync(120_000);
  expect(patient.signal.aborted).toBe(false);
});

test('an abort ends the wait and the reading, with its reason', async () => {
  const stream = feed();
  const scope = new AbortController();
  const gathered = gather(stream.batches(), read, scope);
  const waiting = gathered.next(Number.POSITIVE_INFINITY);
  scope.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');

  const full = feed();
  const other = new AbortController();
  gather(full.batches(), read, other);
  full.push({ batch: Array.from({ length: 1_000 }, () => event(1)) });
  await settle();
  other.abort();
  await settle();
  expect(full.state.returned).toBe(true);
});
