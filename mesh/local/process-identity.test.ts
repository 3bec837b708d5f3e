import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { commandLine, identify, isAlive, signal, stopProcess, waitForExit } from './process-identity.ts';

let child: ChildProcess | undefined;
afterEach(() => child?.kill('SIGKILL'));

/** A process that runs a program until it is signalled, and the moment it has started to. */
async function start(program: string) {
  child = spawn(process.execPath, ['-e', `${program}; setInterval(() => {}, 1000); console.log('up')`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (child.stdout) await once(child.stdout, 'data');
  const identity = identify(child.pid as number);
  if (!identity) throw new Error('it is gone already');
  return identity;
}

describe('a process’s identity', () => {
  it('tells a process from one that was given its pid later', async () => {
    const identity = await start('');
    const stranger = { ...identity, started: 'another' };
    expect(isAlive(identity)).toBe(true);
    expect(isAlive(stranger)).toBe(false);
    expect(signal(stranger, 'SIGKILL')).toBe(false);
    expect(isAlive(identity)).toBe(true);
  });

  it('is none for a pid that nobody has', () => {
    expect(identify(2 ** 22 + 1)).toBeUndefined();
  });

  it('tells the command line', async () => {
    const { pid } = await start('/* known */');
    expect(commandLine(pid)).toContain('/* known */');
  });
});

describe('stopping a process', () => {
  it('is done at the first signal that it obeys', async () => {
    const identity = await start(`process.on('SIGTERM', () => process.exit(0))`);
    const start_ = Date.now();
    await stopProcess(identity, [['SIGTERM', 10_000]]);
    expect(isAlive(identity)).toBe(false);
    expect(Date.now() - start_).toBeLessThan(5_000);
  });

  it('ends with SIGKILL, which nothing survives', async () => {
    const identity = await start(`process.on('SIGTERM', () => {})`);
    await stopProcess(identity, [['SIGTERM', 100]]);
    expect(isAlive(identity)).toBe(false);
  });

  it('waits no longer than it is told', async () => {
    expect(await waitForExit(await start(''), 50)).toBe(false);
  });
});
