import type { LoadSettings } from './config.ts';
import type { CallFigures, MethodFigures, Report } from './report.ts';

/** One figure of two runs. */
export interface ComparisonRow {
  readonly of: string;
  readonly what: 'calls/s' | 'p50' | 'p99' | 'failed';
  readonly before: number;
  readonly now: number;
  /** now ÷ before; NaN where that means nothing. */
  readonly ratio: number;
  readonly verdict: 'better' | 'worse' | 'changed' | 'within noise';
}

/** Two runs side by side. */
export interface Comparison {
  readonly rows: readonly ComparisonRow[];
  /** What was not the same: settings, machine. */
  readonly differences: readonly string[];
}

/** So many standard errors apart is more than chance: one comparison in 400 where nothing changed. */
const BEYOND_CHANCE = 3;
/** Slices of fewer calls say nothing about a percentile. */
const CALLS_OF_A_SLICE = 10;

/** Sets two runs side by side. Noise is what the tenths of each run differ by among themselves. */
export function compare(before: Report, now: Report): Comparison {
  const rows = [...callRows('all', before.all, now.all)];
  for (const method of now.methods) {
    const old = before.methods.find((one) => one.method === method.method);
    if (!old) continue;
    rows.push(
      ...callRows(method.method, old, method).filter(
        ({ what, before, now }) => what !== 'failed' || before + now > 0,
      ),
      latencyRow(old, method, 'p50'),
      latencyRow(old, method, 'p99'),
    );
  }
  return { rows, differences: differencesOf(before, now) };
}

function callRows(of: string, before: CallFigures, now: CallFigures): ComparisonRow[] {
  const rate = { of, what: 'calls/s', before: before.perSecond, now: now.perSecond } as const;
  const failed = { of, what: 'failed', before: before.failed, now: now.failed } as const;
  return [
    { ...rate, ...ratioOf(rate), verdict: rateChanged(before, now) ? 'changed' : 'within noise' },
    { ...failed, ...ratioOf(failed), verdict: failedVerdict(before, now) },
  ];
}

/** Whether rates differ by more than calls do that come at random: their number varies by its square root. */
function rateChanged(before: CallFigures, now: CallFigures): boolean {
  const variance = ({ calls, perSecond }: CallFigures) => (calls === 0 ? 0 : perSecond ** 2 / calls);
  const expected = Math.sqrt(variance(before) + variance(now));
  return Math.abs(now.perSecond - before.perSecond) > BEYOND_CHANCE * expected;
}

function failedVerdict(before: CallFigures, now: CallFigures): ComparisonRow['verdict'] {
  const share = (before.failed + now.failed) / Math.max(1, before.calls + now.calls);
  const expected = Math.sqrt(
    share * (1 - share) * (1 / Math.max(1, before.calls) + 1 / Math.max(1, now.calls)),
  );
  const apart = now.failed / Math.max(1, now.calls) - before.failed / Math.max(1, before.calls);
  if (Math.abs(apart) <= BEYOND_CHANCE * expected) return 'within noise';
  return apart > 0 ? 'worse' : 'better';
}

function latencyRow(before: MethodFigures, now: MethodFigures, what: 'p50' | 'p99'): ComparisonRow {
  const row = { of: now.method, what, before: before.latencyMs[what], now: now.latencyMs[what] };
  const [a, b] = [spreadOf(before, what), spreadOf(now, what)];
  const ratio = ratioOf(row);
  if (!a || !b) return { ...row, ...ratio, verdict: 'within noise' };
  const beyond = Math.abs(b.mean - a.mean) > BEYOND_CHANCE * Math.hypot(a.error, b.error);
  if (!beyond || b.mean > a.mean !== row.now > row.before)
    return { ...row, ...ratio, verdict: 'within noise' };
  return { ...row, ...ratio, verdict: row.now > row.before ? 'worse' : 'better' };
}

/** The mean of the tenths and its standard error; undefined if there are too few to tell. */
function spreadOf({ slices }: MethodFigures, what: 'p50' | 'p99') {
  const values = slices.filter(({ calls }) => calls >= CALLS_OF_A_SLICE).map((slice) => slice[what]);
  if (values.length < 3) return undefined;
  const mean = values.reduce((all, value) => all + value, 0) / values.length;
  const variance = values.reduce((all, value) => all + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, error: Math.sqrt(variance / values.length) };
}

const ratioOf = ({ before, now }: { readonly before: number; readonly now: number }) => ({
  ratio: before === 0 ? Number.NaN : now / before,
});

function differencesOf(before: Report, now: Report): string[] {
  const named = ({ settings, environment }: Report): Record<string, string> => {
    const { rate, durationS, mix, profile, retries } = settings satisfies LoadSettings;
    const { cores, processor, node, mesh, replicas } = environment;
    return {
      ...{
        RATE: String(rate),
        DURATION: `${durationS} s`,
        MIX: mix,
        PROFILE: profile,
        RETRIES: String(retries),
      },
      ...{ cores: String(cores), processor, Node: node, MESH: mesh, instances: JSON.stringify(replicas) },
    };
  };
  const [a, b] = [named(before), named(now)];
  return Object.keys(b).flatMap((name) =>
    a[name] === b[name] ? [] : [`${name} was ${a[name]}, is ${b[name]}`],
  );
}

/** What is said of a verdict. */
export function wordOf(verdict: ComparisonRow['verdict']): string {
  return { better: '▲ better', worse: '▼ worse', changed: '≠ changed', 'within noise': 'within noise' }[
    verdict
  ];
}
