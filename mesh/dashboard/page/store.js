/** @import { History, Moment } from '../messages.ts' */

/** As many moments as the launcher keeps. */
const most = 900;
/** Numbers that stand still for a moment are read more easily: those in text are of so many moments. */
const smoothed = 5;

/** Seconds since the epoch, as the charts take them. @type {number[]} */
export const times = [];
/** @type {Map<string, (number | null)[]>} */
const series = new Map();

/** @param {History} history */
export function replace(history) {
  times.splice(0, times.length, ...history.times.map((ms) => ms / 1000));
  series.clear();
  for (const [name, values] of Object.entries(history.series)) series.set(name, [...values]);
}

/** @param {Moment} moment */
export function add({ time, values }) {
  times.push(time / 1000);
  for (const [name, row] of series) row.push(values[name] ?? null);
  for (const [name, value] of Object.entries(values)) {
    if (!series.has(name)) series.set(name, [...Array(times.length - 1).fill(null), value]);
  }
  if (times.length <= most) return;
  times.shift();
  for (const row of series.values()) row.shift();
}

/** All series whose names fit. @param {RegExp} pattern */
export function names(pattern) {
  return [...series.keys()].filter((name) => pattern.test(name)).sort();
}

/** @param {string} name */
export function row(name) {
  return series.get(name) ?? [];
}

/** The newest value. @param {string} name */
export function latest(name) {
  return series.get(name)?.at(-1) ?? null;
}

/** The mean of the last values; null if there is none. @param {string} name */
export function recent(name) {
  const values = (series.get(name) ?? []).slice(-smoothed).filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * What is shown of calls: see Calls in sources/calls.ts.
 *
 * @param {string} subject `edge|gateway>order`, `method|…`
 */
export function calls(subject) {
  const value = (/** @type {string} */ name) => recent(`${subject}|${name}`);
  const rate = value('rate') ?? 0;
  const failed = value('failed') ?? 0;
  return {
    known: value('rate') !== null,
    rate,
    failed,
    refused: value('refused') ?? 0,
    retries: value('retries') ?? 0,
    success: rate > 0 ? 1 - failed / rate : undefined,
    // Of a call that ended long ago nothing is said.
    p50: latest(`${subject}|p50`),
    p95: latest(`${subject}|p95`),
    p99: latest(`${subject}|p99`),
    p999: latest(`${subject}|p999`),
    open: latest(`${subject}|open`) ?? 0,
    overflowed: value('overflowed') ?? 0,
    ejected: latest(`${subject}|ejected`) ?? 0,
  };
}
