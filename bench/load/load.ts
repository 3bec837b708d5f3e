import { Cure } from '../../mesh/local/cure.ts';
import { type Comparison, compare } from './compare.ts';
import { type LoadConfig, loadConfig, reportsOf, settingsOf } from './config.ts';
import { prepareReports, readReport, writeReport } from './files.ts';
import { findRun } from './find-run.ts';
import { createDisplay } from './live.ts';
import { measureRun } from './measure-run.ts';
import type { BookContents } from './order-book.ts';
import type { Report } from './report.ts';
import { openTarget, type Target } from './target.ts';
import { printComparison, printFound, printReport } from './terminal.ts';

// `make load`: see docs/load-testing.md. Exits with 0 if all is well, 1 if a budget or an invariant is broken, 2 if
// nothing could be run, 130 after Ctrl-C.

const display = createDisplay();
const stopping = new AbortController();
/** Until calls are made Ctrl-C has nothing to report on. */
let calling = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!calling || stopping.signal.aborted) process.exit(130);
    stopping.abort();
  });
}

async function main(): Promise<number> {
  const reports = reportsOf();
  const [before, now] = reports.map(readReport);
  const config = loadConfig(before?.settings);
  if (before && now) {
    printComparison(compare(before, now));
    return 0;
  }
  prepareReports(config.reports);
  const target = await openTarget(config, display);
  calling = true;
  return config.find ? find(config, target) : load(config, target, before);
}

async function load(config: LoadConfig, target: Target, before: Report | undefined): Promise<number> {
  const settings = settingsOf(config);
  const { report, book } = await measureRun(settings, target, display, stopping.signal);
  const checked = await withInvariants(report, target, [book]);
  return tell(config, checked, before && compare(before, checked));
}

async function find(config: LoadConfig, target: Target): Promise<number> {
  const { found, report, books } = await findRun(config, target, display, stopping.signal);
  if (!report) return 130;
  const checked = await withInvariants(report, target, books);
  const code = tell(config, { ...checked, search: found });
  printFound(found, config.mix);
  return found.rate > 0 ? code : code || 1;
}

async function withInvariants(
  report: Report,
  target: Target,
  books: readonly BookContents[],
): Promise<Report> {
  const invariants = await target.check(books);
  return { ...report, invariants, failures: [...report.failures, ...invariants.violations] };
}

function tell({ reports }: LoadConfig, report: Report, comparison?: Comparison): number {
  printReport(report);
  if (comparison) printComparison(comparison);
  const { html, json } = writeReport(reports, report, comparison);
  console.log(`\n${html}\n${json}`);
  for (const failure of report.failures) console.log(`FAILED: ${failure}`);
  if (stopping.signal.aborted) return 130;
  return report.failures.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (cause) {
  display.line(`load: ${cause instanceof Error ? cause.message : String(cause)}`);
  if (!(cause instanceof Cure) && cause instanceof Error) display.line(cause.stack ?? '');
  process.exitCode = 2;
}
// Idle connections must not hold a program that is done.
process.exit();
