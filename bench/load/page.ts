import { complaint, type Verdict } from './budgets.ts';
import { escapeHtml, histogramChart, short, timeChart } from './chart.ts';
import { type Comparison, wordOf } from './compare.ts';
import { type Found, foundWords } from './find.ts';
import { pageScript, pageStyle } from './page-style.ts';
import { type CallFigures, callHeads, partHeads, type Report } from './report.ts';
import { sum } from './tally.ts';

/** The report as one page that needs nothing from elsewhere. `comparison`: with the report it is compared with. */
export function reportPage(report: Report, comparison?: Comparison): string {
  const { settings, failures, interrupted } = report;
  const { mix, rate, profile } = settings;
  const passed = failures.length === 0;
  const title = `MIX=${mix}, ${short(rate)} calls a second`;
  const word = passed ? (interrupted ? 'stopped early' : 'passed') : 'failed';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Load: ${title}</title>
<style>${pageStyle}</style>
</head>
<body>
<header><h1>${title}</h1><span class="verdict${passed ? '' : ' failed'}">${word}</span></header>
<p class="soft">${report.begun.slice(0, 19).replace('T', ' ')} UTC, ${short(report.seconds)} s, PROFILE=${profile}, SEED=${settings.seed}. Latency counts from when a call was to begin.</p>
${passed ? '' : section('What failed', list(failures.slice(0, 50)))}
${tiles(report)}
${report.generator.warnings.length > 0 ? section('Warnings', list(report.generator.warnings)) : ''}
${section('Over time', `<div class="charts">${timeCharts(report)}</div>`)}
${report.search ? section('Search for the highest rate', searchTable(report.search)) : ''}
${report.parts.length > 0 ? section('By intended rate', partTable(report)) : ''}
${section('Methods', methodTable(report))}
${section('How long calls took', `<div class="charts small">${histograms(report)}</div>`)}
${comparison ? section('Compared', comparisonTable(comparison)) : ''}
${section('Budgets', budgetTable(report.budgets))}
${section('Invariants', invariantText(report))}
${section('Where it was run', environmentText(report))}
</body>
<script>${pageScript}</script>
</html>
`;
}

const section = (title: string, content: string) => `<section><h2>${title}</h2>${content}</section>`;
const list = (lines: readonly string[]) =>
  `<ul class="plain">${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`;
const cells = (values: readonly (string | number)[]) => values.map((value) => `<td>${value}</td>`).join('');
const table = (heads: readonly string[], rows: readonly string[]) =>
  `<div class="table" tabindex="0"><table><thead><tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
const percent = (share: number) => `${short(100 * share)} %`;

function tiles({ all, generator, invariants }: Report): string {
  const { latencyMs } = all;
  const tile = (name: string, value: string, bad = false) =>
    `<div${bad ? ' class="bad"' : ''}><span class="soft">${name}</span><b>${value}</b></div>`;
  return `<div class="tiles">${[
    tile('calls/s', short(all.perSecond)),
    tile('calls', String(all.calls)),
    tile('failed', String(all.failed), all.failed > 0),
    tile('p50', `${short(latencyMs.p50)} ms`),
    tile('p99', `${short(latencyMs.p99)} ms`),
    tile('p99.9', `${short(latencyMs.p999)} ms`),
    tile('generator CPU', percent(generator.cpuMean)),
    ...(invariants
      ? [tile('violations', String(invariants.violations.length), invariants.violations.length > 0)]
      : []),
  ].join('')}</div>`;
}

function timeCharts({ timeline: whole, shop, seconds: ran }: Report): string {
  // What comes after is answers alone.
  const timeline = whole.filter(({ second }) => second < ran);
  const seconds = timeline.map(({ second }) => second);
  const marks = shop.started;
  const of = (key: 'p50' | 'p90' | 'p99' | 'max') =>
    timeline.map((one) => (one.due > 0 ? one[key] : undefined));
  const failed = timeline.map(({ failures }) =>
    Object.values(failures).reduce((all, count) => all + count, 0),
  );
  return [
    timeChart({
      ...{ title: 'Rate', unit: 'calls/s', seconds, marks },
      series: [
        { name: 'intended', style: 'intended', values: timeline.map(({ intended }) => intended) },
        { name: 'begun', style: 'due', values: timeline.map(({ due }) => due) },
        { name: 'answered', style: 'answered', values: timeline.map(({ answered }) => answered) },
      ],
    }),
    timeChart({
      ...{ title: 'Latency', unit: 'ms', seconds, marks, logarithmic: true },
      series: (['p50', 'p90', 'p99', 'max'] as const).map((key) => ({
        name: key,
        style: key,
        values: of(key),
      })),
    }),
    timeChart({
      ...{ title: 'Failed calls', unit: 'calls/s', seconds, marks },
      series: [{ name: 'failed', style: 'failed-line', values: failed }],
    }),
    timeChart({
      ...{ title: 'The generator: how late calls began, at most', unit: 'ms', seconds, marks },
      series: [{ name: 'lateness', style: 'own', values: timeline.map(({ latestMs }) => latestMs) }],
    }),
  ].join('');
}

function searchTable(found: Found): string {
  const { trials, cut } = found;
  const rows = trials.map((trial) => {
    const kept = trial.broken.length === 0;
    const why = kept ? '✓ kept' : `✗ ${escapeHtml(trial.broken.slice(0, 3).join('; '))}`;
    return `<tr><td>${trial.rate}/s</td><td class="text ${kept ? 'good' : 'bad'}">${why}</td></tr>`;
  });
  const early = cut === 'time' ? ' The search was out of time.' : '';
  return `<p>${foundWords(found)}${early}</p>${table(['trial', 'budgets'], rows)}`;
}

function partTable({ parts }: Report): string {
  const rows = parts.map(({ rate, calls, failed, latencyMs: { p50, p90, p99, max } }) => {
    const bad = failed > 0 ? ' class="bad"' : '';
    return `<tr><td>${short(rate)}/s</td>${cells([calls])}<td${bad}>${failed}</td>${cells([p50, p90, p99, max].map(short))}</tr>`;
  });
  return table(['calls/s', ...partHeads], rows);
}

function methodTable({ methods, all, shop }: Report): string {
  const row = (name: string, figures: CallFigures, mesh = 0, style = '') => {
    const { calls, perSecond, failed, failures, repeated, latencyMs } = figures;
    const codes = Object.entries(failures).map(([code, count]) => `${escapeHtml(code)} ${count}`);
    const { p50, p90, p99, p999, max } = latencyMs;
    const bad = failed > 0 ? ` class="bad"` : '';
    return `<tr${style}><td>${escapeHtml(name)}</td>${cells([calls, short(perSecond)])}<td${bad}>${failed}</td>${cells([repeated, mesh, ...[p50, p90, p99, p999, max].map(short)])}<td class="text">${codes.join(', ')}</td></tr>`;
  };
  const rows = methods.map((one) => row(one.method, one, shop.meshRetries[one.method]));
  const total = row('all', all, sum(Object.values(shop.meshRetries)), ' class="sum"');
  const note =
    '<p class="soft">Milliseconds. Repeated: calls that the client sent again; by mesh: calls that an Envoy did, those between services included.</p>';
  return table(['method', ...callHeads, 'errors'], [...rows, total]) + note;
}

function histograms({ methods }: Report): string {
  return methods
    .map(({ method, buckets, latencyMs: { p50, p99 } }) =>
      histogramChart(method, buckets, [
        { name: 'p50', ms: p50 },
        { name: 'p99', ms: p99 },
      ]),
    )
    .join('');
}

function budgetTable(budgets: readonly Verdict[]): string {
  const rows = budgets.map((one) => {
    const { of, what, limit, found, verdict } = one;
    const show = (value: number) => (what === 'error rate' ? percent(value) : `${short(value)} ms`);
    const words = { kept: '✓ kept', broken: '✗ broken', few: 'too few calls' };
    const style = { kept: 'good', broken: 'bad', few: 'soft' }[verdict];
    return `<tr title="${escapeHtml(complaint(one))}"><td>${escapeHtml(of)}</td>${cells([what, show(found), show(limit)])}<td class="${style}">${words[verdict]}</td></tr>`;
  });
  return table(['of', 'what', 'found', 'budget', ''], rows);
}

function comparisonTable({ rows, differences }: Comparison): string {
  const lines = rows.map((row) => {
    const style = { better: 'good', worse: 'bad', 'within noise': 'soft', changed: '' }[row.verdict];
    const shown = [row.before, row.now].map(short);
    return `<tr><td>${escapeHtml(row.of)}</td>${cells([row.what, ...shown, Number.isNaN(row.ratio) ? '' : short(row.ratio)])}<td class="${style}">${wordOf(row.verdict)}</td></tr>`;
  });
  const differ = differences.length > 0 ? `<p>Not run alike: ${escapeHtml(differences.join('; '))}</p>` : '';
  return differ + table(['of', 'what', 'before', 'now', 'ratio', ''], lines);
}

function invariantText({ invariants }: Report): string {
  if (!invariants) return '<p>Not checked.</p>';
  const { checked, requests, violations, quietMs } = invariants;
  const text = `<p>${checked} checked by SQL on all three databases, with ${requests} orders that were asked for, ${short(quietMs / 1_000)} s after the last answer.</p>`;
  return violations.length === 0
    ? `${text}<p class="good">✓ All hold.</p>`
    : text + list(violations.slice(0, 50));
}

function environmentText({ environment, shop, generator }: Report): string {
  const { cores, processor, memoryGib, system, node, mesh, replicas, commit } = environment;
  const cpu = Object.entries(shop.cpuSeconds).map(([group, seconds]) => `${group} ${short(seconds)} s`);
  const { processes, lateness, loopDelayMs, busiest } = generator;
  return list([
    `${cores} cores (${processor}), ${memoryGib} GiB, ${system}, Node ${node}, commit ${commit || 'unknown'}`,
    `MESH=${mesh}, instances: ${Object.entries(replicas)
      .map((one) => one.join(' '))
      .join(', ')}`,
    `Processor time of the shop: ${cpu.join(', ')}; of other programs on the machine: ${short(shop.othersCpuSeconds)} s`,
    ...shop.started.map(({ name, second }) => `${name} was started anew after ${short(second)} s`),
    `Generator: ${processes} process${processes === 1 ? '' : 'es'}, on the same machine; calls began ${short(lateness.p50)} ms late (p50), ${short(lateness.p99)} ms (p99); event loop busy ${percent(busiest)} at most, late by ${short(loopDelayMs)} ms at most`,
  ]);
}
