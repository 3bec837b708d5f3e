import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../test/random.ts';
import { createPacker, createUnpacker, NOT_SENT, type Sample } from './protocol.ts';
import { allCalls, type Latency, latencyOf, methodsOf, partsOf } from './report.ts';
import { createTally, histogram } from './tally.ts';
import { simulatedSettings } from './testing/simulated-run.ts';

const random = seeded(1);
const sample = (n: number): Sample => ({
  due: n * 10_000,
  late: random.integer(0, 500),
  latency: Math.round(1_000 - Math.log(1 - random.next()) * 20_000),
  attempts: random.percent(2) ? 2 : 1,
  method: random.percent(70) ? 'GetProduct' : 'CreateOrder',
  code: random.percent(3) ? 'UNAVAILABLE' : 'OK',
});
const samples = Array.from({ length: 2_000 }, (_, n) => sample(n));

/** The encoding keeps no maximum, only its bucket. */
const withoutMax = ({ mean, p50, p90, p99 }: Latency) => ({ mean, p50, p90, p99 });

function figuresOf(parts: readonly (readonly Sample[])[]) {
  const tally = createTally(20);
  for (const part of parts) {
    const [packer, unpack] = [createPacker(), createUnpacker()];
    for (const [n, one] of part.entries()) {
      packer.add(one);
      // As a generator does: some now, some later, names only once.
      if (n % 300 === 0) for (const back of unpack(packer.take())) tally.add(back);
    }
    for (const back of unpack(packer.take())) tally.add(back);
  }
  return { methods: methodsOf(tally, 20), all: allCalls(tally, 20), seconds: tally.seconds.length };
}

describe('the tally of a load', () => {
  it('of several generators is that of one that made all their calls', () => {
    const odd = samples.filter((_, n) => n % 2 === 1);
    const even = samples.filter((_, n) => n % 2 === 0);
    expect(figuresOf([odd, even])).toEqual(figuresOf([samples]));
  });

  it('tells percentiles as they are', () => {
    const { methods } = figuresOf([samples]);
    for (const { method, latencyMs, calls } of methods) {
      const sorted = samples
        .filter((one) => one.method === method)
        .map(({ latency }) => latency / 1_000)
        .sort((a, b) => a - b);
      expect(calls).toBe(sorted.length);
      expect(latencyMs.p99 / (sorted[Math.ceil(0.99 * sorted.length) - 1] ?? 0)).toBeCloseTo(1, 2);
      expect(latencyMs.max / (sorted.at(-1) ?? 0)).toBeCloseTo(1, 2);
    }
  });

  it('gives histograms that can be read back, and merged', () => {
    const { methods, all } = figuresOf([samples]);
    const merged = histogram();
    for (const method of methods) {
      const read = decodeFromCompressedBase64(method.histogram);
      expect(withoutMax(latencyOf(read))).toEqual(withoutMax(method.latencyMs));
      expect(method.buckets.reduce((sum, { calls }) => sum + calls, 0)).toBe(method.calls);
      merged.add(read);
    }
    expect(withoutMax(latencyOf(merged))).toEqual(withoutMax(all.latencyMs));
  });

  it('tells each step by itself', () => {
    const tally = createTally(20);
    for (const one of samples) tally.add(one);
    const settings = { ...simulatedSettings, profile: 'step' } as const;
    const parts = partsOf(tally.seconds, settings);
    expect(parts.map(({ rate, calls }) => [rate, calls])).toEqual(
      [20, 40, 60, 80, 100].map((rate) => [rate, 400]),
    );
    expect(partsOf(tally.seconds, simulatedSettings)).toEqual([]);
    // Stopped early.
    expect(partsOf(tally.seconds.slice(0, 8), settings).map(({ rate }) => rate)).toEqual([20, 40]);
  });

  it('leaves out the warm-up, and counts what was not sent as failed', () => {
    const tally = createTally(10);
    tally.add({ ...sample(0), due: -1 });
    tally.add({ ...sample(0), method: NOT_SENT, code: 'NOT_SENT' });
    tally.add({ ...sample(0), late: 11_000, code: 'OK' });
    expect(tally).toMatchObject({ warmUpCalls: 1, notSent: 1, late: 1 });
    expect(allCalls(tally, 10)).toMatchObject({ calls: 2, failed: 1, failures: { NOT_SENT: 1 } });
  });
});
