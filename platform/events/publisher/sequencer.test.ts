import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { Move } from './log-store.ts';
import { AT_MOST, createSequencer } from './sequencer.ts';

const move = (moved: number): Move => ({
  moved,
  types: new Map(),
  entries: undefined,
  positionBefore: 0n,
  lastPosition: BigInt(moved),
  lastSeq: BigInt(moved),
  xid: 1n,
  givenSeq: BigInt(moved),
  oldestXid: 1n,
});

function parts(lookAtAllMs?: number) {
  const sequence = vi.fn<(atMost: number, settled: bigint, mostBytes: number) => Promise<Move>>();
  sequence.mockResolvedValue(move(0));
  const logger = { warn: vi.fn(), info: vi.fn() };
  const onMoved = vi.fn();
  const wanted = vi.fn(() => true);
  const sequencer = createSequencer({ log: { move: sequence }, wanted, onMoved, logger }, lookAtAllMs);
  return { sequence, logger, onMoved, wanted, sequencer };
}

test('the first waking runs at once; those during a run make one more', async () => {
  const { sequence, sequencer } = parts();
  const running = Promise.withResolvers<Move>();
  sequence.mockReturnValueOnce(running.promise);
  sequencer.wake();
  expect(sequence).toHaveBeenCalledTimes(1);
  for (let n = 0; n < 10; n++) sequencer.wake();
  running.resolve(move(3));
  await sequencer.stop();
  expect(sequence).toHaveBeenCalledTimes(2);
});

test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
  'a waking %i turns after the answer of a run is not lost',
  async (turns) => {
    const { sequence, sequencer } = parts();
    const running = Promise.withResolvers<Move>();
    sequence.mockReturnValueOnce(running.promise);
    sequencer.wake();
    running.resolve(move(1));
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    sequencer.wake();
    await expect.poll(() => sequence.mock.calls.length).toBe(2);
  },
);

test('events are asked for only while they are wanted', async () => {
  const { sequence, wanted, sequencer } = parts();
  sequencer.wake();
  await expect.poll(() => sequence.mock.calls.length).toBe(1);
  wanted.mockReturnValue(false);
  sequencer.wake();
  await sequencer.stop();
  const [first, second] = sequence.mock.calls;
  expect(first?.[2]).toBeGreaterThan(0);
  expect(second?.[2]).toBe(0);
});

test('a full run is followed by another', async () => {
  const { sequence, sequencer, onMoved } = parts();
  sequence
    .mockResolvedValueOnce(move(AT_MOST))
    .mockResolvedValueOnce(move(AT_MOST))
    .mockResolvedValueOnce(move(1));
  sequencer.wake();
  await expect.poll(() => onMoved.mock.calls.length).toBe(3);
  await sequencer.stop();
  expect(sequence).toHaveBeenCalledTimes(3);
});

test('what is settled is not looked at again, but for once in a while', async () => {
  const { sequence, sequencer } = parts(200);
  const stopping = new AbortController();
  const settled: bigint[] = [];
  let xid = 0n;
  sequence.mockImplementation(async (_, seq) => {
    settled.push(seq);
    return { ...move(7), xid: ++xid, oldestXid: xid };
  });
  sequencer.start(stopping.signal);
  const lookedAgain = () => settled.indexOf(0n, settled.indexOf(7n));
  while (lookedAgain() <= 0 || settled.at(-1) !== 7n) {
    sequencer.wake();
    await sleep(5);
  }
  stopping.abort();
  await sequencer.stop();
  const between = settled.slice(settled.indexOf(7n), lookedAgain());
  expect(new Set(between)).toEqual(new Set([7n]));
  expect(between.length).toBeGreaterThan(10);
  expect(settled[lookedAgain() + 1]).toBe(7n);
});

test('a failure is told once, tried again when woken, and its end is told', async () => {
  const { sequence, sequencer, logger } = parts();
  sequence.mockRejectedValueOnce(new Error('away')).mockRejectedValueOnce(new Error('away'));
  for (let n = 1; n <= 3; n++) {
    sequencer.wake();
    await expect.poll(() => sequence.mock.calls.length).toBe(n);
  }
  await expect.poll(() => logger.info.mock.calls.length).toBe(1);
  expect(logger.warn).toHaveBeenCalledTimes(1);
});

test.each([
  ['a lost connection, behind which there may be another server', 'ECONNRESET', 0n],
  ['a time-out', '57014', 7n],
])('what is known to be settled after %s', async (_, code, known) => {
  const { sequence, sequencer } = parts();
  let xid = 0n;
  sequence.mockImplementation(async () => ({ ...move(7), xid: ++xid, oldestXid: xid }));
  const run = async () => {
    const before = sequence.mock.calls.length;
    sequencer.wake();
    await expect.poll(() => sequence.mock.calls.length).toBe(before + 1);
  };
  while (sequence.mock.lastCall?.[1] !== 7n) await run();
  sequence.mockRejectedValueOnce(Object.assign(new Error('failed'), { code }));
  await run();
  await run();
  expect(sequence.mock.lastCall?.[1]).toBe(known);
  await sequencer.stop();
});

test('a stop waits for what was asked for, and nothing is begun after it', async () => {
  const { sequence, sequencer } = parts();
  const running = Promise.withResolvers<Move>();
  sequence.mockReturnValueOnce(running.promise);
  sequencer.wake();
  sequencer.wake();
  let stopped = false;
  const stop = sequencer.stop().then(() => {
    stopped = true;
  });
  await Promise.resolve();
  expect(stopped).toBe(false);
  running.resolve(move(1));
  await stop;
  expect(sequence).toHaveBeenCalledTimes(2);
  sequencer.wake();
  expect(sequence).toHaveBeenCalledTimes(2);
});
