import { fail } from '../../errors.ts';
import type { Clock } from '../runtime.ts';
import type { Scheduler } from './scheduler.ts';

/** What happens to a process at one of its operations, be it a write or a message. */
export interface ProcessFault {
  /** Which of the process's operations, from 0. */
  readonly operation: number;
  /** It dies with the operation unsent, or once it took effect; or it stands still once it is sent. */
  readonly kind: 'crash before' | 'crash after' | 'pause';
  /** How long it is away. */
  readonly ms: number;
}

/** How badly the world treats what is sent, in percent, until `untilMs`. */
export interface Weather {
  /** Messages, requests or replies, that never arrive. */
  readonly loss: number;
  /** Requests that arrive twice. */
  readonly duplication: number;
  /** Messages and writes that take up to SLOW_MS. */
  readonly slowness: number;
  /** Writes that fail, before or after they took effect. */
  readonly failure: number;
  readonly untilMs: number;
}

const QUICK_MS = 4;
const SLOW_MS = 9_000;
/** How long a caller waits for the reply to a message. */
const TIMEOUT_MS = 2_000;
const never = <T>(): Promise<T> => new Promise<T>(() => {});
/** Made once: most of making an error is its stack. */
const LOST = fail('UNAVAILABLE', 'LOST', 'No answer.');

/** How many operations a process has made, over all its lives. */
export interface Operations {
  count: number;
}

/** One life of a process: what it sends outlives it, what it waits for doesn't. */
export class Process {
  alive = true;
  /** Given to loops that wait for nothing in particular. */
  readonly stopping = new AbortController().signal;
  readonly clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #weather: Weather;
  readonly #faults: readonly ProcessFault[];
  readonly #operations: Operations;
  readonly #onCrash: (ms: number) => void;
  #pausedUntil = 0;

  constructor(
    scheduler: Scheduler,
    weather: Weather,
    faults: readonly ProcessFault[],
    operations: Operations,
    onCrash: (ms: number) => void,
  ) {
    this.#scheduler = scheduler;
    this.#weather = weather;
    this.#faults = faults;
    this.#operations = operations;
    this.#onCrash = onCrash;
    this.clock = {
      now: () => scheduler.now,
      sleep: (ms, signal) =>
        new Promise((resolve) => scheduler.after(ms, () => this.#resume(resolve), signal === this.stopping)),
    };
  }

  /** Sends a request to a participant; the effect happens when it arrives, each time that it does. */
  message<T>(effect: () => T): Promise<T> {
    const { duplication, loss } = this.#weather;
    return this.#perform((resolve, reject, arrived) => {
      const copies = this.#happens(duplication) ? 2 : 1;
      let soonest = Number.POSITIVE_INFINITY;
      for (let copy = 0; copy < copies; copy++) {
        if (this.#happens(loss)) continue;
        const there = this.#delay();
        const back = this.#happens(loss) ? Number.POSITIVE_INFINITY : there + this.#delay();
        const first = back < soonest;
        soonest = Math.min(soonest, back);
        this.#scheduler.after(there, () => {
          const result = effect();
          arrived();
          if (first && back <= TIMEOUT_MS) this.#scheduler.after(back - there, () => resolve(result));
        });
      }
      if (soonest > TIMEOUT_MS) this.#scheduler.after(TIMEOUT_MS, () => reject(LOST));
    });
  }

  /** Sends a statement to the database; it commits once or, when it fails, perhaps. */
  write<T>(effect: () => T): Promise<T> {
    return this.#perform((resolve, reject, arrived) => {
      const fails = this.#happens(this.#weather.failure);
      const commits = !fails || this.#scheduler.random() < 0.5;
      this.#scheduler.after(this.#delay(), () => {
        const result = commits ? effect() : undefined;
        if (commits) arrived();
        this.#scheduler.after(this.#delay(), () => (fails ? reject(LOST) : resolve(result as T)));
      });
    });
  }

  /** What must not be: an answer now, and the write later, if the process lives to make it. */
  writeBehind<T>(answer: T, effect: () => unknown): Promise<T> {
    this.#scheduler.after(this.#delay() * 5, () => {
      if (this.alive) void this.write(effect).catch(() => {});
    });
    return Promise.resolve(answer);
  }

  #perform<T>(
    send: (resolve: (result: T) => void, reject: (error: unknown) => void, arrived: () => void) => void,
  ): Promise<T> {
    if (!this.alive) return never();
    const operation = this.#operations.count++;
    const fault = this.#faults.find((each) => each.operation === operation);
    if (fault?.kind === 'crash before') {
      this.#crash(fault.ms);
      return never();
    }
    return new Promise<T>((resolve, reject) => {
      send(
        (result) => this.#resume(() => resolve(result)),
        (error) => this.#resume(() => reject(error)),
        () => {
          if (fault?.kind === 'crash after') this.#crash(fault.ms);
        },
      );
      if (fault?.kind === 'pause') this.#pausedUntil = this.#scheduler.now + fault.ms;
    });
  }

  #crash(ms: number): void {
    if (!this.alive) return;
    this.alive = false;
    this.#onCrash(ms);
  }

  #resume(run: () => void): void {
    if (!this.alive) return;
    const rest = this.#pausedUntil - this.#scheduler.now;
    if (rest > 0) this.#scheduler.after(rest, () => this.#resume(run));
    else run();
  }

  #happens(percent: number): boolean {
    return this.#scheduler.now < this.#weather.untilMs && this.#scheduler.random() * 100 < percent;
  }

  #delay(): number {
    const most = this.#happens(this.#weather.slowness) ? SLOW_MS : QUICK_MS;
    return this.#scheduler.random() * most;
  }
}
