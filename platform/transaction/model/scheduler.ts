interface Event {
  readonly at: number;
  readonly order: number;
  /** Whether the world may be called quiet while it is outstanding. */
  readonly idle: boolean;
  readonly run: () => void;
}

/** Numbers from 0 to below 1 from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Virtual time: a queue of events, of which one at a time happens, and then all that follows from it without waiting.
 * Nothing else makes time pass, so that the same seed gives the same history.
 */
export class Scheduler {
  /** Milliseconds since the beginning. */
  now = 0;
  readonly random: () => number;
  readonly #heap: Event[] = [];
  #order = 0;
  #work = 0;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  /** Whether nothing but idle events is outstanding. */
  get quiet(): boolean {
    return this.#work === 0;
  }

  /** Runs `run` after `ms`. */
  after(ms: number, run: () => void, idle = false): void {
    if (!idle) this.#work++;
    const event = { at: this.now + ms, order: this.#order++, idle, run };
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    for (let parent = (index - 1) >> 1; index > 0 && before(event, heap[parent]); parent = (index - 1) >> 1) {
      heap[index] = heap[parent] as Event;
      index = parent;
    }
    heap[index] = event;
  }

  sleep(ms: number, idle = false): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve, idle));
  }

  /** Lets time pass until `done` is true between two events, or until `limit` in milliseconds. */
  async run(limit: number, done: () => boolean): Promise<void> {
    await settled();
    while (!done()) {
      const event = this.#next();
      if (event === undefined || event.at > limit) return;
      this.now = event.at;
      if (!event.idle) this.#work--;
      event.run();
      await settled();
    }
  }

  #next(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

/** Once all microtasks are through. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function before(a: Event | undefined, b: Event | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
