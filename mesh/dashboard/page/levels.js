/** @import { InstanceState } from '../messages.ts' */

/** @typedef {'ok' | 'warn' | 'bad'} Level */

/** From which p99, in milliseconds, calls count as slow, and as much too slow. */
export const SLOW = { warn: 500, bad: 2_000 };
/** From which part of failed calls. */
const FAILING = { warn: 0, bad: 0.01 };
/** From which part of retries among first attempts. */
const RETRIED = { warn: 0, bad: 0.1 };

/**
 * @param {number} value
 * @param {{ warn: number, bad: number }} bounds
 * @returns {Level}
 */
const above = (value, { warn, bad }) => (value > bad ? 'bad' : value > warn ? 'warn' : 'ok');

/** @param {{ failed: number, rate: number }} calls */
export const failing = ({ failed, rate }) => above(rate > 0 ? failed / rate : 0, FAILING);
/** @param {{ p99: number | null }} calls */
export const slow = ({ p99 }) => above(p99 ?? 0, SLOW);
/** @param {{ retries: number, rate: number }} calls */
export const retried = ({ retries, rate }) => above(rate > 0 ? retries / rate : 0, RETRIED);

/** @type {Record<InstanceState, Level>} */
export const levelOf = {
  dead: 'bad',
  paused: 'warn',
  starting: 'warn',
  restarting: 'bad',
  ejected: 'warn',
  unhealthy: 'bad',
  drained: 'ok',
  serving: 'ok',
};

/** The worse of several. @param {...Level} levels */
export function worst(...levels) {
  return levels.includes('bad') ? 'bad' : levels.includes('warn') ? 'warn' : 'ok';
}
