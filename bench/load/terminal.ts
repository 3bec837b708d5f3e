import { printTable } from '../table.ts';
import { type Comparison, wordOf } from './compare.ts';
import { type Found, foundWords } from './find.ts';
import { type CallFigures, callHeads, partHeads, type Report } from './report.ts';
import { sum } from './tally.ts';

const ms = (value: number): string => value.toFixed(value < 10 ? 1 : 0);
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const seconds = (value: number): string => value.toFixed(1);

/** Prints a report for people. */
export function printReport(report: Report): void {
  const { settings, all, methods, generator, shop, invariants, environment, budgets } = report;
  const { rate, mix, profile, seed } = settings;
  const row = (name: string, { calls, perSecond, failed, repeated, latencyMs }: CallFigures, mesh = 0) => {
    const { p50, p90, p99, p999, max } = latencyMs;
    const counts = [calls, seconds(perSecond), failed, repeated, mesh].map(String);
    return [name, ...counts, ...[p50, p90, p99, p999, max].map(ms)];
  };
  console.log(
    `\nMIX=${mix} RATE=${rate} PROFILE=${profile} SEED=${seed}, ${seconds(report.seconds)} s` +
      `${report.interrupted ? ' (stopped early)' : ''}, MESH=${environment.mesh}\n`,
  );
  printTable(
    ['ms from the intended start', ...callHeads],
    [
      ...methods.map((one) => row(one.method, one, shop.meshRetries[one.method])),
      row('all', all, sum(Object.values(shop.meshRetries))),
    ],
  );
  for (const { method, failures } of methods)
    for (const [code, count] of Object.entries(failures)) console.log(`${method}: ${count} times ${code}`);
  if (report.parts.length > 0) {
    console.log();
    printTable(
      ['ms, by intended rate', ...partHeads],
      report.parts.map(({ rate, calls, failed, latencyMs: { p50, p90, p99, max } }) => [
        ...[`${rate.toFixed(0)}/s`, String(calls), String(failed), ...[p50, p90, p99, max].map(ms)],
      ]),
    );
  }
  const cpu = Object.entries(shop.cpuSeconds).map(([group, used]) => `${group} ${seconds(used)} s`);
  console.log(
    `\nProcessor time: ${cpu.join(', ')}; others ${seconds(shop.othersCpuSeconds)} s; generator ${percent(generator.cpuMean)} of a core`,
  );
  console.log(
    `Generator: calls began ${ms(generator.lateness.p50)} ms late (p50), ${ms(generator.lateness.p99)} ms (p99), ` +
      `${ms(generator.lateness.max)} ms at most`,
  );
  for (const warning of generator.warnings) console.log(`Warning: ${warning}`);
  for (const { name, second } of shop.started)
    console.log(`Started anew after ${seconds(second)} s: ${name}`);
  if (invariants) {
    const { checked, requests, quietMs, violations } = invariants;
    const found = violations.length === 0 ? 'all hold' : `${violations.length} violations`;
    console.log(
      `Invariants: ${checked} checked by SQL, with ${requests} orders that were asked for: ${found} ` +
        `(quiet after ${seconds(quietMs / 1_000)} s)`,
    );
  }
  const kept = budgets.filter(({ verdict }) => verdict === 'kept').length;
  const few = budgets.flatMap(({ of, what, verdict }) => (verdict === 'few' ? `${of} ${what}` : []));
  const broken = budgets.filter(({ verdict }) => verdict === 'broken').length;
  const notJudged = few.length > 0 ? `, not judged for too few calls: ${few.join(', ')}` : '';
  console.log(`Budgets: ${kept} kept, ${broken} broken${notJudged}`);
}

/** Prints two runs side by side. */
export function printComparison({ rows, differences }: Comparison): void {
  console.log();
  printTable(
    ['compared', '', 'before', 'now', 'ratio', ''],
    rows.map(({ of, what, before, now, ratio, verdict }) => [
      ...[of, what, ms(before), ms(now), Number.isNaN(ratio) ? '' : ratio.toFixed(2), wordOf(verdict)],
    ]),
  );
  for (const difference of differences) console.log(`Not run alike: ${difference}`);
}

/** Prints what a search found. */
export function printFound(found: Found, mix: string): void {
  const { rate, trials, cut } = found;
  const [lowest] = trials
    .filter((trial) => trial.broken.length > 0 && trial.rate > rate)
    .sort((a, b) => a.rate - b.rate);
  console.log(`\nMIX=${mix}. ${foundWords(found)}`);
  if (lowest) console.log(`At ${lowest.rate} a second: ${lowest.broken.join('; ')}`);
  if (cut === 'time') console.log('The search was out of time: the highest rate may be higher.');
  if (cut === 'highest') console.log('That is the highest rate that is tried.');
}
