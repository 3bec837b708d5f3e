import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pretty from 'pino-pretty';
import type { LauncherConfig } from './config.ts';
import { Cure } from './cure.ts';
import { logFile, type Paths, pathsIn } from './paths.ts';

/** How much of the end of each file is shown, in bytes. */
const tailBytes = 64 * 1024;
/** How many lines are shown at first. */
const tailLines = 100;

/**
 * Prints the end of the logs of a service, of one process or of all services, in order of time; with FOLLOW=1 also
 * what comes. Lines of JSON are made readable.
 */
export async function logs({ home, service, follow }: LauncherConfig): Promise<number> {
  const paths = pathsIn(home);
  const names = logNames(paths, service);
  const readable = pretty.prettyFactory({
    colorize: process.stdout.isTTY ?? false,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
  });
  const print = (lines: readonly string[]) => {
    for (const line of lines)
      process.stdout.write(line.startsWith('{"level"') ? readable(line) : `${line}\n`);
  };

  const tails = names.map((name) => tail(logFile(paths, name)));
  print(inOrder(tails.flatMap((one) => one.next())).slice(-tailLines));
  while (follow) {
    await sleep(250);
    print(inOrder(tails.flatMap((one) => one.next())));
  }
  return 0;
}

function logNames(paths: Paths, service: string | undefined): string[] {
  const present = existsSync(paths.logs)
    ? readdirSync(paths.logs).flatMap((file) => /^(.*)\.log$/.exec(file)?.[1] ?? [])
    : [];
  const ofInstances = present.filter((name) => /-\d+$/.test(name));
  const names =
    service === undefined
      ? ofInstances
      : present.filter(
          (name) => name === service || (ofInstances.includes(name) && name.startsWith(`${service}-`)),
        );
  if (names.length > 0) return names;
  const choice = [...new Set(present.map((name) => name.replace(/-\d+$/, '')))].join(', ');
  throw new Cure(
    `there is no log of ${service ?? 'services'}: SERVICE is one of ${choice || '… none yet, "make up" first'}`,
  );
}

/** Reads a file's last part, and at each further call the whole lines that have come since. */
function tail(file: string): { next(): string[] } {
  let position = Math.max(0, statSync(file).size - tailBytes);
  let partial = '';
  let first = position > 0;
  return {
    next() {
      const { size } = statSync(file);
      // A new file of the same name: the old one has been put aside.
      if (size < position) position = 0;
      if (size === position) return [];
      const bytes = Buffer.alloc(size - position);
      const descriptor = openSync(file, 'r');
      readSync(descriptor, bytes, 0, bytes.length, position);
      closeSync(descriptor);
      position = size;
      const lines = (partial + bytes.toString()).split('\n');
      partial = lines.pop() ?? '';
      if (first) lines.shift();
      first = false;
      return lines;
    },
  };
}

/** Sorts lines of JSON by their time; others stay with the line before them. */
function inOrder(lines: readonly string[]): string[] {
  let time = 0;
  return lines
    .map((line) => {
      time = Date.parse(timeOf(line)) || Number(timeOf(line)) || time;
      return { line, time };
    })
    .sort((a, b) => a.time - b.time)
    .map(({ line }) => line);
}

function timeOf(line: string): string {
  return /"time":"?([^",}]+)/.exec(line)?.[1] ?? '';
}
