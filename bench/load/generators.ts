import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadSettings } from './config.ts';
import type { BookContents } from './order-book.ts';
import { type Assignment, type Batch, createUnpacker, type Farewell, type Sample, STOP } from './protocol.ts';
import type { World } from './sessions.ts';

/** What making the calls cost, of all generators since the last time. */
export interface GeneratorUse {
  /** Share of one core, of the generator that used the most, and of all together. */
  readonly cpuMost: number;
  readonly cpuAll: number;
  /** The busiest event loop's share of the time. */
  readonly utilization: number;
  /** The longest that an event loop was late, in milliseconds. */
  readonly loopDelayMs: number;
  readonly outstanding: number;
}

/** Generators at work. */
export interface Generators {
  /** When the part that counts begins, in milliseconds since the epoch. */
  readonly startAt: number;
  /** What they use, since it was last asked. */
  use(): GeneratorUse;
  /** Processor time of all of them since their start. */
  cpuSeconds(): number;
  /** Begin no more calls. */
  stop(): void;
  /** Ends when the last call has its answer. Rejects when a generator dies. */
  readonly done: Promise<BookContents>;
}

/** Until all processes have started, in milliseconds. */
const START_MS = 1_000;
/** What calls and their repeats may take when no more are begun, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Starts the generators; each call that comes to an end goes to `take`. */
export function startGenerators(
  settings: LoadSettings,
  world: World,
  address: string,
  take: (sample: Sample) => void,
): Generators {
  const { generators: count, rate, outstanding, warmUpS, seed } = settings;
  const startAt = Date.now() + START_MS + warmUpS * 1_000;
  const latest = new Map<ChildProcess, Batch>();
  let cpuMicros = 0;
  let used = {
    cpu: new Map<ChildProcess, number>(),
    utilization: 0,
    loopDelayMs: 0,
    since: performance.now(),
  };

  const run = (n: number): { child: ChildProcess; ended: Promise<BookContents> } => {
    const child = forkFirst(new URL('generator.ts', import.meta.url));
    const unpack = createUnpacker();
    const part = {
      ...settings,
      rate: rate / count,
      outstanding: Math.ceil(outstanding / count),
      seed: seed + n,
    };
    child.send({ settings: part, world, address, startAt } satisfies Assignment);
    const ended = new Promise<BookContents>((resolve, reject) => {
      child.on('message', (message: Batch | Farewell) => {
        if (message.kind === 'farewell') return resolve(message);
        for (const sample of unpack(message)) take(sample);
        latest.set(child, message);
        cpuMicros += message.cpuMicros;
        used.cpu.set(child, (used.cpu.get(child) ?? 0) + message.cpuMicros);
        used.utilization = Math.max(used.utilization, message.utilization);
        used.loopDelayMs = Math.max(used.loopDelayMs, message.loopDelayMs);
      });
      child.once('exit', (code, signal) => reject(new Error(`a generator ended (${signal ?? code})`)));
    });
    return { child, ended };
  };
  const running = Array.from({ length: count }, (_, n) => run(n));
  const kill = () => {
    for (const { child } of running) child.kill('SIGKILL');
  };
  process.once('exit', kill);

  const stop = () => {
    for (const { child } of running) if (child.connected) child.send(STOP);
  };
  const tooLong = new AbortController();
  const done = Promise.race([
    Promise.all(running.map(({ ended }) => ended)),
    sleep(Math.max(0, startAt - Date.now()) + settings.durationS * 1_000 + PATIENCE_MS, undefined, {
      signal: tooLong.signal,
    }).then(() => Promise.reject(new Error('calls never came to an end'))),
  ]).finally(() => {
    tooLong.abort();
    kill();
    process.off('exit', kill);
  });

  return {
    startAt,
    use() {
      const seconds = (performance.now() - used.since) / 1_000;
      const shares = [...used.cpu.values()].map((micros) => micros / 1e6 / seconds);
      const { utilization, loopDelayMs } = used;
      used = { cpu: new Map(), utilization: 0, loopDelayMs: 0, since: performance.now() };
      return {
        cpuMost: Math.max(0, ...shares),
        cpuAll: shares.reduce((all, share) => all + share, 0),
        utilization,
        loopDelayMs,
        outstanding: [...latest.values()].reduce((all, batch) => all + batch.outstanding, 0),
      };
    },
    cpuSeconds: () => cpuMicros / 1e6,
    stop,
    done: done.then((books) => ({
      requests: books.flatMap(({ requests }) => requests),
      credit: new Map(books.flatMap(({ credit }) => [...credit])),
    })),
  };
}

/** A program that starts another before all that wait for their turn. */
const BEFORE_OTHERS = ['chrt', '--rr', '1'] as const;

/**
 * On one machine the shop takes all the time there is, and a generator that waits for its turn would measure that. Only
 * root may go before others, and only Linux has such a class; without it calls begin late, which is counted.
 */
function forkFirst(module: URL): ChildProcess {
  const [command, ...options] = BEFORE_OTHERS;
  const allowed = spawnSync(command, [...options, 'true'], { stdio: 'ignore' }).status === 0;
  const before = allowed ? { execPath: command, execArgv: [...options, process.execPath] } : {};
  return fork(module, { serialization: 'advanced', ...before });
}
