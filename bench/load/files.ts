import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Cure } from '../../mesh/local/cure.ts';
import type { Comparison } from './compare.ts';
import { reportPage } from './page.ts';
import { type Report, SCHEMA } from './report.ts';

/**
 * Makes the folder of reports, before there is anything to lose.
 *
 * @throws Cure if nothing can be written there
 */
export function prepareReports(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new Cure(`reports can't be written (${(cause as Error).message}): name another folder by REPORTS`);
  }
}

/** Writes report.html and report.json into a folder of their own in `reports`; their paths, as seen from here. */
export function writeReport(
  reports: string,
  report: Report,
  comparison?: Comparison,
): { html: string; json: string } {
  const { begun, settings } = report;
  const name = `${begun.slice(0, 19).replaceAll(':', '')}-${settings.mix}`;
  const folder = join(reports, name);
  mkdirSync(folder, { recursive: true });
  const [html, json] = [join(folder, 'report.html'), join(folder, 'report.json')];
  writeFileSync(html, reportPage(report, comparison));
  writeFileSync(json, `${JSON.stringify(report, undefined, 1)}\n`);
  return { html: relative(process.cwd(), html), json: relative(process.cwd(), json) };
}

/**
 * Reads a report.json.
 *
 * @throws Cure if it is none, or of another version
 */
export function readReport(file: string): Report {
  let read: Report;
  try {
    read = JSON.parse(readFileSync(resolve(file), 'utf8')) as Report;
  } catch (cause) {
    throw new Cure(`COMPARE: ${file} can't be read (${(cause as Error).message}): name a report.json`);
  }
  if (read.schema !== SCHEMA)
    throw new Cure(`COMPARE: ${file} is of schema "${read.schema}", not ${SCHEMA}: make it anew`);
  return read;
}
