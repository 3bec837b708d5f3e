import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process, told apart from a later one that was given the same pid by when it started. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal only for the same process on the same boot. */
  readonly started: string;
}

/** The identity of a running process; undefined if there is none (a zombie counts as none). */
export function identify(pid: number): ProcessIdentity | undefined {
  const started = process.platform === 'linux' ? startedOnLinux(pid) : startedByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Whether this very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.started === identity.started;
}

/** Signals this very process; false if it is gone. With `group`, its whole process group. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals, group = false): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(group ? -identity.pid : identity.pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Waits until the process is gone; false if it still runs after `ms` milliseconds. */
export async function waitForExit(identity: ProcessIdentity, ms: number): Promise<boolean> {
  const end = Date.now() + ms;
  while (isAlive(identity)) {
    if (Date.now() >= end) return false;
    await sleep(20);
  }
  return true;
}

/** Signals in turn, each with the milliseconds it may take, until the process is gone. Ends with SIGKILL. */
export async function stopProcess(
  identity: ProcessIdentity,
  steps: readonly (readonly [NodeJS.Signals, number])[],
): Promise<void> {
  for (const [name, ms] of steps) {
    if (!signal(identity, name)) return;
    if (await waitForExit(identity, ms)) return;
  }
  // Its own children, if any, share its group.
  signal(identity, 'SIGKILL', true);
  await waitForExit(identity, 5_000);
}

/** The command line of a process, its arguments joined by spaces; empty if it is gone. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    }
    return ps(pid, 'command=');
  } catch {
    return '';
  }
}

/** All processes whose command line, or what they call themselves instead, is as wanted. */
export function findProcesses(wanted: (commandLine: string) => boolean): ProcessIdentity[] {
  const pids =
    process.platform === 'linux'
      ? readdirSync('/proc')
          .map(Number)
          .filter((pid) => wanted(commandLine(pid)))
      : execFileSync('ps', ['-A', '-o', 'pid=,command='], { encoding: 'utf8' })
          .split('\n')
          .map((line) => /^\s*(\d+)\s(.*)$/.exec(line) ?? [])
          .filter(([, , command]) => command !== undefined && wanted(command))
          .map(([, pid]) => Number(pid));
  return pids.flatMap((pid) => identify(pid) ?? []);
}

let bootId: string | undefined;

function startedOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    if (state === 'Z' || state === 'X') return undefined;
    // Field 22 of proc(5): clock ticks between boot and start. Hence the boot's id beside it.
    bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${bootId}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

function startedByPs(pid: number): string | undefined {
  try {
    if (ps(pid, 'stat=').startsWith('Z')) return undefined;
    return ps(pid, 'lstart=') || undefined;
  } catch {
    return undefined;
  }
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' }).trim();
}
