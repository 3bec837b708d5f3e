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
  const settled = () => sequence.mock.calls.map(([, seq]) => seq);
  let xid = 0n;
  sequence.mockImplementation(async () => ({ ...move(7), xid: ++xid, oldestXid: xid }));
  sequencer.start(stopping.signal);
  const lookedAgain = () => {
    sequencer.wake();
    return settled().indexOf(0n, settled().indexOf(7n)) > 0 && settled().includes(7n);
  };
  await expect.poll(lookedAgain).toBe(true);
  stopping.abort();
  await sequencer.stop();
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
