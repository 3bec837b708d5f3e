import { describe, expect, it } from 'vitest';
import { complaint, judge, readBudgets } from './budgets.ts';
import { simulatedBudgets, simulateRun } from './testing/simulated-run.ts';

describe('budgets', () => {
  it('are kept by what is fast and whole, and say what broke them', () => {
    const broken = (report: ReturnType<typeof simulateRun>) =>
      judge(simulatedBudgets, report)
        .filter(({ verdict }) => verdict === 'broken')
        .map(complaint);
    expect(broken(simulateRun({ serviceMs: 2 }))).toEqual([]);
    expect(broken(simulateRun({ serviceMs: 9.9 }))).toContainEqual(
      expect.stringMatching(/^GetProduct: p99 is \d+\.\d ms, its budget 100\.0 ms$/),
    );
    expect(broken(simulateRun({ serviceMs: 2, failing: 5 }))).toContainEqual(
      expect.stringMatching(/^all: error rate is \d\.\d+ %, its budget 0\.100 %$/),
    );
  });

  it('break where the generator was late, whatever the shop did', () => {
    const report = simulateRun({ serviceMs: 2 });
    const lateness = { ...report.generator.lateness, p99: 21 };
    const verdicts = judge(simulatedBudgets, { ...report, generator: { lateness } });
    expect(verdicts.at(-1)).toMatchObject({ of: 'generator', verdict: 'broken', found: 21 });
  });

  it('judge no p99 of a few calls, but any failure', () => {
    const verdicts = judge(
      simulatedBudgets,
      simulateRun({ serviceMs: 9.9, failing: 20 }, { durationS: 1, rate: 50 }),
    );
    const of = verdicts.filter((one) => one.of === 'GetProduct');
    expect(of.map(({ what, verdict }) => [what, verdict])).toEqual([
      ['p99', 'few'],
      ['error rate', 'broken'],
    ]);
  });

  it('are there in the clone, and say where they were measured', () => {
    const budgets = readBudgets('bench/budgets.json');
    expect(budgets.measuredOn).toMatch(/cores/);
    expect(Object.keys(budgets.methods)).toContain('CreateOrder');
  });
});
