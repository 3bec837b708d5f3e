import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpuSeconds } from './cpu.ts';

/** Orders of a closed loop, and what they cost. */
export interface OrderRate {
  readonly perSecond: number;
  /** Processor time of all processes for each order, in microseconds. */
  readonly cpuMicros: number;
}

/** The workflow of dbos-process.ts in a process of its own. */
export interface DbosPeer {
  measure(concurrency: number, seconds: number): Promise<OrderRate>;
  stop(): void;
}

/** Starts it on the scratch database, with DBOS's own tables in a database beside it. `postgres` is the server's pid. */
export async function startDbos(scratchUrl: string, postgres: number): Promise<DbosPeer> {
  const systemUrl = new URL(scratchUrl);
  systemUrl.pathname = '/dbos';
  const program = new URL('dbos-process.ts', import.meta.url).pathname;
  const child = fork(program, [scratchUrl, systemUrl.href], {
    // It uses pg in a way that a later version will refuse, and pg says so.
    execArgv: ['--no-deprecation'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('dbos-process.ts ended')));
  ended.catch(() => {});
  const answer = async () => (await Promise.race([once(child, 'message'), ended]))[0];
  await answer();
  const pids = [child.pid ?? 0, postgres];
  return {
    async measure(concurrency, seconds) {
      const before = cpuSeconds(pids);
      child.send({ concurrency, seconds });
      const { orders, perSecond } = (await answer()) as { orders: number; perSecond: number };
      return { perSecond, cpuMicros: ((cpuSeconds(pids) - before) / orders) * 1e6 };
    },
    stop: () => child.disconnect(),
  };
}
