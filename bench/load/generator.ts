import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { seeded } from '../../test/random.ts';
import { insist } from './attempts.ts';
import { type Call, createSend } from './client.ts';
import { beginSession } from './mixes.ts';
import { createOrderBook } from './order-book.ts';
import { type Assignment, type Batch, createPacker, NOT_SENT, STOP } from './protocol.ts';
import { arrivals, rateAt } from './schedule.ts';
import type { Outcome, Session } from './sessions.ts';

/** How often samples are told, in milliseconds. */
const BATCH_MS = 200;
/** How often the event loop's delay is looked at, in milliseconds. */
const LOOP_CHECK_MS = 10;
/** So many sessions for each call a second: each makes one call in about a second. */
const SESSIONS_PER_RATE = 1;
/** Each keeps several connections, as several apps would. */
const CONNECTIONS = 4;

/** A session that waits for its turn, with what it is going to call. */
interface Waiting {
  readonly session: Session;
  readonly call: Call;
}

// A process that makes calls: each begins when the schedule says, whatever became of those before. Which call that is, a
// session says that waits for its turn, picked at random. There are so many of them that some wait as long as answers
// take less than a second; where all have a call under way, another begins.
process.once('message', (assignment: Assignment) => {
  generate(assignment);
});
// Ctrl-C goes to all processes of a terminal. The one that started this one tells it to stop.
process.on('SIGINT', () => {});
// Nobody takes what it tells: the process that started it was killed.
process.on('disconnect', () => process.exit(1));

function generate({ settings, world, address, startAt }: Assignment): void {
  const { mix, rate, warmUpS, seed, retries, outstanding: bound } = settings;
  const usual = Math.ceil(rate * SESSIONS_PER_RATE);
  const random = seeded(seed);
  const book = createOrderBook();
  const context = { world, book, random: random.fork('sessions') };
  const patience = { retries, random: random.fork('pauses') };
  const send = createSend(address, CONNECTIONS);
  const packer = createPacker();
  const began = startAt - performance.timeOrigin;
  const due = dueTimes(settings, warmUpS);
  const idle: Waiting[] = [];
  let outstanding = 0;
  let begun = 0;
  let next = due.next();

  const begin = (): Waiting => {
    for (;;) {
      const session = beginSession(mix, context);
      const { value, done } = session.next();
      if (!done) return { session, call: value };
    }
  };
  const turn = (): Waiting => {
    // Every other call begins a session until there are as many as usual: at once they would all be at their beginning.
    const few = idle.length + outstanding <= Math.min(usual, begun / 2);
    if (idle.length === 0 || few) return begin();
    const place = Math.floor(context.random.next() * idle.length);
    const picked = idle[place] as Waiting;
    idle[place] = idle.at(-1) as Waiting;
    idle.pop();
    return picked;
  };

  const launch = (dueMs: number): void => {
    const late = performance.now() - began - dueMs;
    const sample = { due: dueMs * 1_000, late: late * 1_000 };
    if (outstanding >= bound) {
      packer.add({ ...sample, latency: 0, attempts: 0, method: NOT_SENT, code: 'NOT_SENT' });
      return;
    }
    outstanding += 1;
    begun += 1;
    const { session, call } = turn();
    insist(send, call, patience, (outcome) => {
      outstanding -= 1;
      const latency = (performance.now() - began - dueMs) * 1_000;
      const { attempts } = outcome;
      packer.add({ ...sample, latency, attempts, method: call.method.name, code: codeOf(outcome) });
      const { value, done } = session.next(outcome);
      idle.push(done ? begin() : { session, call: value });
    });
  };

  const pump = (): void => {
    const now = performance.now() - began;
    while (!next.done && next.value * 1_000 <= now) {
      launch(next.value * 1_000);
      next = due.next();
    }
    if (!next.done) setTimeout(pump, Math.min(1_000, next.value * 1_000 - now));
  };

  const report = watch(packer.take);
  const batches = setInterval(() => {
    report(outstanding);
    if (!next.done || outstanding > 0) return;
    clearInterval(batches);
    process.send?.({ kind: 'farewell', ...book.contents() }, () => process.exit());
  }, BATCH_MS);
  process.on('message', (message) => {
    if (message === STOP) next = { done: true, value: undefined };
  });
  pump();
}

/** In seconds from the beginning of what counts: the warm-up, evenly up to the first rate, then the course. */
function* dueTimes(settings: Assignment['settings'], warmUpS: number): Generator<number, void> {
  const random = seeded(settings.seed).fork('arrivals');
  const warmUp = { profile: 'ramp', rate: rateAt(settings, 0), durationS: warmUpS } as const;
  for (const at of arrivals(warmUp, random.fork('warm-up'))) yield at - warmUpS;
  yield* arrivals(settings, random);
}

function codeOf(outcome: Outcome): string {
  if (outcome.ok) return 'OK';
  return `${outcome.code} ${outcome.reason}`.trim();
}

/** Tells samples with what making them cost this process. */
function watch(take: () => Pick<Batch, 'samples' | 'names'>): (outstanding: number) => void {
  const delay = monitorEventLoopDelay({ resolution: LOOP_CHECK_MS });
  delay.enable();
  let cpu = process.cpuUsage();
  let loop = performance.eventLoopUtilization();
  return (outstanding) => {
    const used = process.cpuUsage(cpu);
    const { utilization } = performance.eventLoopUtilization(loop);
    const batch: Batch = {
      kind: 'batch',
      ...take(),
      outstanding,
      cpuMicros: used.user + used.system,
      utilization,
      // What is measured is from check to check.
      loopDelayMs: Math.max(0, delay.max / 1e6 - LOOP_CHECK_MS),
    };
    cpu = process.cpuUsage();
    loop = performance.eventLoopUtilization();
    delay.reset();
    process.send?.(batch);
  };
}
