import { readFileSync } from 'node:fs';
import { Cure } from '../../mesh/local/cure.ts';
import type { CallFigures, GeneratorFigures, MethodFigures } from './report.ts';

/** What a method's calls may come to at most. */
export interface Budget {
  readonly p99Ms: number;
  /** Failed calls as a part of all. */
  readonly errorRate: number;
}

/** What bench/budgets.json holds. */
export interface Budgets {
  /** On what machine, with what else on it, they were measured. */
  readonly measuredOn: string;
  readonly all: Pick<Budget, 'errorRate'>;
  readonly methods: Readonly<Record<string, Budget>>;
  /** Past this the generator was the bottleneck: how late calls began, in milliseconds. */
  readonly lateness: { readonly p99Ms: number };
}

/** One budget's outcome. */
export interface Verdict {
  /** `GetProduct`, `all`, `generator` */
  readonly of: string;
  readonly what: 'p99' | 'error rate' | 'lateness p99';
  readonly limit: number;
  readonly found: number;
  /** `few`: too few calls to judge by. */
  readonly verdict: 'kept' | 'broken' | 'few';
}

/** Of fewer calls the 99th percentile is the slowest one: chance. */
export const ENOUGH_CALLS = 100;

/** What is judged. */
export interface Judged {
  readonly all: CallFigures;
  readonly methods: readonly MethodFigures[];
  readonly generator: Pick<GeneratorFigures, 'lateness'>;
}

/** Reads budgets; throws a Cure if the file is no such thing. */
export function readBudgets(file: string): Budgets {
  try {
    const budgets = JSON.parse(readFileSync(file, 'utf8')) as Budgets;
    const numbers = [
      budgets.all.errorRate,
      budgets.lateness.p99Ms,
      ...Object.values(budgets.methods).flatMap(({ p99Ms, errorRate }) => [p99Ms, errorRate]),
    ];
    if (!numbers.every((each) => Number.isFinite(each) && each >= 0)) throw new Error('a number is missing');
    return budgets;
  } catch (cause) {
    throw new Cure(`the budgets in ${file} can't be used (${(cause as Error).message}): mend it`);
  }
}

/** Holds figures against budgets. A method without a budget is not judged. */
export function judge(budgets: Budgets, { all, methods, generator }: Judged): Verdict[] {
  const verdict = (found: number, limit: number) => (found <= limit ? 'kept' : 'broken');
  const errors = (of: string, { calls, failed }: CallFigures, limit: number): Verdict => {
    const found = calls === 0 ? 0 : failed / calls;
    return { of, what: 'error rate', limit, found, verdict: verdict(found, limit) };
  };
  const { p99: late } = generator.lateness;
  return [
    errors('all', all, budgets.all.errorRate),
    ...methods.flatMap((figures): Verdict[] => {
      const { method, calls, latencyMs } = figures;
      const budget = budgets.methods[method];
      if (!budget) return [];
      const { p99Ms: limit, errorRate } = budget;
      const found = latencyMs.p99;
      const judged = calls < ENOUGH_CALLS ? 'few' : verdict(found, limit);
      return [{ of: method, what: 'p99', limit, found, verdict: judged }, errors(method, figures, errorRate)];
    }),
    {
      of: 'generator',
      what: 'lateness p99',
      limit: budgets.lateness.p99Ms,
      found: late,
      verdict: verdict(late, budgets.lateness.p99Ms),
    },
  ];
}

/** What is said of a broken budget. */
export function complaint({ of, what, limit, found }: Verdict): string {
  const show = (value: number) =>
    what === 'error rate' ? `${(100 * value).toPrecision(3)} %` : `${value.toFixed(1)} ms`;
  return `${of}: ${what} is ${show(found)}, its budget ${show(limit)}`;
}
