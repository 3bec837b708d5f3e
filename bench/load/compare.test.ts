import { describe, expect, it } from 'vitest';
import { compare } from './compare.ts';
import { simulateRun } from './testing/simulated-run.ts';

const before = simulateRun({ serviceMs: 4 });
const verdicts = (now: ReturnType<typeof simulateRun>) =>
  Object.fromEntries(compare(before, now).rows.map((row) => [`${row.of} ${row.what}`, row.verdict]));

describe('two runs side by side', () => {
  it('differ by chance alone where only the seed is another', () => {
    const all = Array.from({ length: 10 }, (_, n) =>
      Object.values(verdicts(simulateRun({ serviceMs: 4 }, { seed: n + 2 }))),
    );
    const beyond = all.flat().filter((verdict) => verdict !== 'within noise');
    expect(beyond.length / all.flat().length).toBeLessThan(0.03);
  });

  it('differ by more than that where the shop is slower, and in which figures', () => {
    const slower = simulateRun({ serviceMs: 6 }, { seed: 3 });
    expect(verdicts(slower)).toMatchObject({
      'GetProduct p50': 'worse',
      'all calls/s': 'within noise',
      'all failed': 'within noise',
    });
    const row = compare(before, slower).rows.find(({ of, what }) => of === 'GetProduct' && what === 'p50');
    expect(row?.ratio).toBeCloseTo((row?.now ?? 0) / (row?.before ?? 1));
    expect(compare(slower, before).rows.map(({ verdict }) => verdict)).toContain('better');
  });

  it('are compared by their rates, however long they took', () => {
    const longer = simulateRun({ serviceMs: 4 }, { seed: 2, durationS: 40 });
    expect(verdicts(longer)).toMatchObject({
      'all calls/s': 'within noise',
      'GetProduct calls/s': 'within noise',
    });
    expect(compare(before, longer).differences).toEqual(['DURATION was 20 s, is 40 s']);
  });

  it('differ where calls fail, or come at another rate, which is said', () => {
    expect(verdicts(simulateRun({ serviceMs: 4, failing: 3 }))).toMatchObject({ 'all failed': 'worse' });
    const { rows, differences } = compare(before, simulateRun({ serviceMs: 4 }, { rate: 150 }));
    expect(rows[0]).toMatchObject({ of: 'all', what: 'calls/s', verdict: 'changed' });
    expect(differences).toEqual(['RATE was 100, is 150']);
  });
});
