import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, stolenSeconds } from '../cpu.ts';
import type { Published, PublishOrder } from './publishing.ts';
import { run } from './servers.ts';
import type { Taken, TakeOrder } from './taking.ts';

/** What came of one order to publish. */
export interface Flow {
  /** Events a second, from the first one's writing to the last one's effect. */
  readonly perSecond: number;
  /** Processor time of all processes for each event, in microseconds. */
  readonly cpuMicros: number;
  /** From a transaction's commit to its effect's, in milliseconds; of a steady rate. */
  readonly p50: number;
  readonly p99: number;
  /** How much of the machine the host took meanwhile, of 1. */
  readonly stolen: number;
}

/** A process that publishes and one that takes, and what lies between them. */
export interface Pipeline {
  measure(order: PublishOrder): Promise<Flow>;
  /** Ends it. Throws if any effect is missing, or happened twice. */
  stop(): Promise<void>;
}

/** How the two are started, and what else is working for them. */
export interface PipelineOptions {
  readonly publisher: readonly [program: string, ...args: string[]];
  /** The publisher's address follows its arguments, where it tells one. */
  readonly consumer: readonly [program: string, ...args: string[]];
  /** Which has the effects. */
  readonly databaseUrl: string;
  /** Pids of the servers that are in between. */
  readonly servers: readonly number[];
}

/** After so long without an effect there will be none. */
const PATIENCE_MS = 30_000;

/** Starts one. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { databaseUrl, servers } = options;
  const publisher = await start(options.publisher);
  const address = (publisher.told as { address?: string }).address;
  const consumer = await start(address === undefined ? options.consumer : [...options.consumer, address]);
  const pids = [...servers, publisher.child.pid ?? 0, consumer.child.pid ?? 0];
  let total = 0;
  let taken = 0;
  let effective: Taken['effective'][number][] = [];
  consumer.child.on('message', (message: Taken) => {
    taken = message.taken;
    for (const one of message.effective) effective.push(one);
    publisher.child.send({ taken });
  });

  const tellConsumer = (order: TakeOrder) => consumer.child.send(order);

  return {
    async measure(order) {
      effective = [];
      const before = { cpu: cpuSeconds(pids), stolen: stolenSeconds(), taken, at: performance.now() };
      tellConsumer({ awake: true, timed: order.steady !== undefined });
      publisher.child.send(order);
      const { published, committed } = (await publisher.answer()) as Published;
      total = published;
      let seen = taken;
      for (let idle = performance.now(); taken < published; await sleep(2)) {
        if (taken > seen) idle = performance.now();
        seen = taken;
        if (performance.now() - idle > PATIENCE_MS)
          throw new Error(`${published - taken} events are missing`);
      }
      tellConsumer({ awake: false, timed: false });
      const events = taken - before.taken;
      const cpuMicros = ((cpuSeconds(pids) - before.cpu) / events) * 1e6;
      const seconds = (performance.now() - before.at) / 1_000;
      const stolen = (stolenSeconds() - before.stolen) / seconds / availableParallelism();
      return { perSecond: events / seconds, cpuMicros, stolen, ...lags(committed, effective) };
    },

    async stop() {
      for (const { child } of [consumer, publisher]) {
        const ended = once(child, 'exit');
        child.disconnect();
        await ended;
      }
      const [row] = await run(
        databaseUrl,
        'select count(*)::integer as all, count(distinct number)::integer as once from effects',
      );
      if (row?.all !== total || row?.once !== total)
        throw new Error(`of ${total} events there are ${row?.all} effects, of ${row?.once} events`);
    },
  };
}

async function start([program, ...args]: readonly [string, ...string[]]) {
  const path = new URL(program, import.meta.url).pathname;
  // What it logs is on stdout.
  const child: ChildProcess = fork(path, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${program} ended`)));
  ended.catch(() => {});
  const answer = async () => (await Promise.race([once(child, 'message'), ended]))[0] as unknown;
  return { child, answer, told: await answer() };
}

function lags(committed: Published['committed'], effective: Taken['effective']): Pick<Flow, 'p50' | 'p99'> {
  const at = new Map(effective);
  const sorted = committed.map(([number, ms]) => (at.get(number) ?? Number.NaN) - ms).sort((a, b) => a - b);
  const quantile = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { p50: quantile(0.5), p99: quantile(0.99) };
}
