import { createChart, nth, showMinutes } from './chart.js';
import { byId, onChoice } from './dom.js';
import { cpu, duration, mebibytes, rate } from './format.js';
import { selected } from './methods.js';
import { names } from './store.js';

/** @import { Line } from './chart.js' */

/** Round numbers of MiB. */
const memorySteps = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000].map((mib) => mib * 1024 * 1024);
/** A second. @param {number | null} value */
const perSecond = (value) => (value === null ? '–' : `${rate(value)}/s`);
/** @param {number | null} value */
const count = (value) => (value === null ? '–' : String(Math.round(value * 10) / 10));
/** @param {number | null} value in seconds */
const seconds = (value) => (value === null ? '–' : duration(value * 1000));

/**
 * A line for each series that fits; it is called as the pattern's group says.
 *
 * @param {RegExp} pattern
 * @param {(...parts: string[]) => string} [label]
 * @returns {() => Line[]}
 */
const all =
  (pattern, label = (part = '') => part) =>
  () =>
    names(pattern).map((series, n) => ({
      label: label(...(pattern.exec(series)?.slice(1) ?? [])),
      series,
      ...nth(n),
    }));

/** @param {string} label @param {string} name @param {number} colour @param {number[]} [dash] */
const ofSelected = (label, name, colour, dash) => ({
  label,
  series: `${selected().subject}|${name}`,
  colour,
  ...(dash ? { dash } : {}),
});

const signals = byId('signal-charts');
const work = byId('work-charts');
const machine = byId('process-charts');

const charts = [
  createChart(signals, {
    title: 'Latency',
    format: duration,
    log: true,
    lines: () => [
      ofSelected('p50', 'p50', 0),
      ofSelected('p95', 'p95', 2, [6, 4]),
      ofSelected('p99', 'p99', 3),
      ofSelected('p99.9', 'p999', 3, [2, 3]),
    ],
  }),
  createChart(signals, {
    title: 'Traffic',
    format: perSecond,
    lines: () => [{ ...ofSelected('calls', 'rate', 0), fill: true }],
  }),
  createChart(signals, {
    title: 'Errors',
    format: perSecond,
    lines: () => [
      { ...ofSelected('failed', 'failed', 3), fill: true },
      ofSelected('refused', 'refused', 5, [6, 4]),
    ],
  }),
  createChart(signals, {
    title: 'Saturation: CPU of its instances',
    format: cpu,
    lines: () => all(new RegExp(`^process\\|(${selected().service}-[\\w-]*\\d)\\|cpu$`))(),
  }),
  createChart(signals, {
    title: 'First attempts, and retries',
    format: perSecond,
    lines: () => [
      { label: 'first attempts', series: `service|${selected().service}|rate`, colour: 0 },
      { label: 'retries', series: `service|${selected().service}|retries`, colour: 3, dash: [6, 4] },
    ],
  }),
  createChart(work, {
    title: 'Transactions in flight',
    format: count,
    lines: all(/^transactions\|(.* .*)\|value$/),
  }),
  createChart(work, {
    title: 'Age of the oldest transaction',
    format: seconds,
    lines: () => [{ label: 'oldest', series: 'transactions|oldest|value', colour: 3, fill: true }],
  }),
  createChart(work, {
    title: 'Orders by outcome',
    format: perSecond,
    lines: all(/^count\|(committed|rolled back)\|(.*)\|rate$/, (outcome, kind) => `${kind} ${outcome}`),
  }),
  createChart(work, {
    title: 'Events not yet taken',
    format: count,
    lines: all(/^lag\|(.*)>(.*)\|events$/, (publisher, consumer) => `${publisher} → ${consumer}`),
  }),
  createChart(work, {
    title: 'Age of the oldest event not taken',
    format: seconds,
    lines: all(/^lag\|(.*)>(.*)\|seconds$/, (publisher, consumer) => `${publisher} → ${consumer}`),
  }),
  createChart(work, {
    title: 'Events delivered, p99',
    format: duration,
    log: true,
    lines: all(/^event\|(.*)>(.*)\|p99$/, (publisher, consumer) => `${publisher} → ${consumer}`),
  }),
  createChart(machine, { title: 'CPU, of one core', format: cpu, lines: all(/^process\|(.*)\|cpu$/) }),
  createChart(machine, {
    title: 'Memory',
    format: mebibytes,
    steps: memorySteps,
    lines: all(/^process\|(.*)\|memory$/),
  }),
];

/** Draws the charts that can be seen. */
export function showCharts() {
  for (const chart of charts) chart.show();
}

onChoice('range', (minutes) => {
  showMinutes(Number(minutes));
  showCharts();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const chart of charts) chart.restyle();
});
