import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { repository } from '../../mesh/local/config.ts';
import { Cure } from '../../mesh/local/cure.ts';
import { MIXES, type Mix } from './mixes.ts';
import { PROFILES, type Profile } from './schedule.ts';

/** What is sent, and how fast. A report keeps it, so that a run can be done again. */
export interface LoadSettings {
  /** RATE: calls that begin in a second; at the end of a ramp or the last step. 1 to 10,000, default 50. */
  readonly rate: number;
  /** DURATION: `60s`, `2m` or a number of seconds, up to an hour; in seconds. Default 60 s. */
  readonly durationS: number;
  /** WARMUP: as long before that, evenly up to the first rate, and not counted; in seconds. Default 20 s, of a ramp 0. */
  readonly warmUpS: number;
  /** MIX: default shop. */
  readonly mix: Mix;
  /** PROFILE: default steady. */
  readonly profile: Profile;
  /** SEED: when calls begin, and what they ask for, follows from it. Default: another each time. */
  readonly seed: number;
  /** RETRIES: how often a call that may be repeated is, after UNAVAILABLE. 0 to 10, default 3. */
  readonly retries: number;
  /** GENERATORS: processes that call. 1 to 8, default one for each 1,500 calls a second. */
  readonly generators: number;
  /** OUTSTANDING: calls under way at once; more are counted as not sent. Default 2,000. */
  readonly outstanding: number;
}

/** What a run is to do, and with which files. */
export interface LoadConfig extends LoadSettings {
  /** FIND=max: look for the highest rate within the budgets. */
  readonly find: boolean;
  /** COMPARE=report.json: an earlier report to compare with; a second one after a comma: nothing is run. */
  readonly compare: readonly string[];
  /** REPORTS: the folder of reports. Default `reports` in the clone. */
  readonly reports: string;
  /** BUDGETS: a file of budgets. Default bench/budgets.json. */
  readonly budgets: string;
}

/** One for each so many calls a second: a call costs a generator about a fifth of a millisecond. */
const CALLS_PER_GENERATOR = 1_500;
const HOUR_S = 3_600;
/** A shop compiles its code as it is called: after its start it fails under a load that it later bears. */
const WARM_UP_S = 20;

/** How many processes make so many calls a second. */
export const generatorsFor = (rate: number): number =>
  Math.max(1, Math.min(availableParallelism(), Math.ceil(rate / CALLS_PER_GENERATOR)));

/**
 * Reads the environment. What it doesn't set is as in `baseline`, the settings of the report that is compared with.
 *
 * @throws Cure that names every fault
 */
export function loadConfig(baseline: Partial<LoadSettings> = {}, env = process.env): LoadConfig {
  const faults: string[] = [];
  const text = (name: string) => env[name]?.trim() || undefined;
  const number = (name: string, fallback: number, min: number, max: number) => {
    const value = Number(text(name) ?? fallback);
    if (value >= min && value <= max) return value;
    faults.push(`${name} must be a number from ${min} to ${max}, not "${text(name)}"`);
    // What follows from it is no fault of its own.
    return fallback;
  };
  const whole = (name: string, fallback: number, min: number, max: number) =>
    Math.trunc(number(name, fallback, min, max));
  const choice = <Value extends string>(name: string, values: readonly Value[], fallback: Value): Value => {
    const value = values.find((each) => each === (text(name) ?? fallback));
    if (value === undefined) faults.push(`${name} must be ${orList(values)}, not "${text(name)}"`);
    return value ?? fallback;
  };
  const duration = (name: string, fallback: number, min: number) => {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(s|m)?$/.exec(text(name) ?? `${fallback}s`) ?? [];
    const seconds = Number(amount) * (unit === 'm' ? 60 : 1);
    if (!(seconds >= min && seconds <= HOUR_S))
      faults.push(`${name} must be a time from ${min}s to 60m, such as 90s or 2m, not "${text(name)}"`);
    return seconds;
  };
  const rate = number('RATE', baseline.rate ?? 50, 1, 10_000);
  const profile = choice('PROFILE', PROFILES, baseline.profile ?? 'steady');
  const config: LoadConfig = {
    rate,
    profile,
    durationS: duration('DURATION', baseline.durationS ?? 60, 1),
    warmUpS: duration('WARMUP', baseline.warmUpS ?? (profile === 'ramp' ? 0 : WARM_UP_S), 0),
    mix: choice('MIX', MIXES, baseline.mix ?? 'shop'),
    seed: whole('SEED', baseline.seed ?? randomInt(2 ** 32), 0, 2 ** 32 - 1),
    retries: whole('RETRIES', baseline.retries ?? 3, 0, 10),
    generators: whole('GENERATORS', baseline.generators ?? generatorsFor(rate), 1, 8),
    outstanding: whole('OUTSTANDING', baseline.outstanding ?? 2_000, 1, 100_000),
    find: choice('FIND', ['', 'max'], '') === 'max',
    compare: reportsOf(env),
    reports: resolve(repository, text('REPORTS') ?? 'reports'),
    budgets: resolve(repository, text('BUDGETS') ?? 'bench/budgets.json'),
  };
  if (config.compare.length > 2) faults.push('COMPARE names one report, or two with a comma between them');
  if (config.find && config.compare.length > 0)
    faults.push("FIND and COMPARE don't go together: use one of them");
  if (faults.length > 0) throw new Cure(faults.join('; '));
  return config;
}

/** The files that COMPARE names. */
export function reportsOf(env = process.env): string[] {
  return (env.COMPARE ?? '').split(',').flatMap((name) => name.trim() || []);
}

function orList(values: readonly string[]): string {
  const named = values.filter((value) => value !== '');
  return named.length < 2 ? named.join() : `${named.slice(0, -1).join(', ')} or ${named.at(-1)}`;
}

/** What of a configuration decides what is sent. */
export function settingsOf({ find, compare, reports, budgets, ...settings }: LoadConfig): LoadSettings {
  return settings;
}
