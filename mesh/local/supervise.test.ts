import { afterEach, describe, expect, it, vi } from 'vitest';
import { identify, isAlive, signal, stopProcess } from './process-identity.ts';
import { type Running, spawnLogged } from './spawn-logged.ts';
import { type Supervised, supervise } from './supervise.ts';

const cleanUp: Supervised[] = [];
afterEach(async () => {
  for (const supervised of cleanUp.splice(0)) await supervised.stop(end);
});
const end = ({ identity }: Running) => stopProcess(identity, [['SIGKILL', 1_000]]);

const start = (program = 'setInterval(() => {}, 1000)') =>
  spawnLogged({
    command: process.execPath,
    args: ['-e', program],
    env: {},
    cwd: '/',
    logFile: '/dev/null',
  });
const events = () => ({ restarted: vi.fn(), died: vi.fn(), failed: vi.fn() });

describe('a supervised process', () => {
  it('is started again when it is killed', async () => {
    const told = events();
    const supervised = await supervise(() => start(), told);
    cleanUp.push(supervised);
    const first = supervised.current() as Running;
    signal(first.identity, 'SIGKILL');
    await vi.waitFor(() => expect(told.restarted).toHaveBeenCalled(), 5_000);
    expect(told.died).toHaveBeenCalledExactlyOnceWith('SIGKILL', 100);
    expect(supervised.current()?.identity.pid).not.toBe(first.identity.pid);
    expect(supervised.deaths()).toBe(1);
  });

  it('is started ever later when it ends again and again', async () => {
    const told = events();
    cleanUp.push(await supervise(() => start('process.exit(7)'), told));
    await vi.waitFor(() => expect(told.died.mock.calls.length).toBeGreaterThanOrEqual(3), 5_000);
    expect(told.died.mock.calls.slice(0, 3)).toEqual([
      ['code 7', 100],
      ['code 7', 200],
      ['code 7', 400],
    ]);
  });

  it('is tried again when it can’t be started', async () => {
    const told = events();
    let starts = 0;
    const supervised = await supervise(async () => {
      starts += 1;
      if (starts === 2) throw new Error('no');
      return start();
    }, told);
    cleanUp.push(supervised);
    signal((supervised.current() as Running).identity, 'SIGKILL');
    await vi.waitFor(() => expect(told.restarted).toHaveBeenCalled(), 5_000);
    expect(told.failed).toHaveBeenCalledOnce();
  });

  it('is not started again once it was stopped', async () => {
    const told = events();
    const supervised = await supervise(() => start(), told);
    const { identity } = supervised.current() as Running;
    await supervised.stop(end);
    expect(isAlive(identity)).toBe(false);
    expect(told.died).not.toHaveBeenCalled();
    expect(supervised.current()).toBeUndefined();
  });

  it('is ended also if it is stopped in the middle of a new start', async () => {
    let release = () => {};
    let second: Running | undefined;
    let starts = 0;
    const supervised = await supervise(async () => {
      starts += 1;
      if (starts === 1) return start();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      second = await start();
      return second;
    }, events());
    signal((supervised.current() as Running).identity, 'SIGKILL');
    await vi.waitFor(() => expect(starts).toBe(2), 5_000);
    const stopped = supervised.stop(end);
    release();
    await stopped;
    expect(identify(second?.identity.pid as number)).toBeUndefined();
  });

  it('leaves a first start that fails to its caller', async () => {
    await expect(supervise(() => Promise.reject(new Error('no')), events())).rejects.toThrow('no');
  });
});
