import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from './clock.ts';

/** What a publishing process is told to do: as much as is taken, or at a steady rate. */
export interface PublishOrder {
  readonly seconds: number;
  readonly steady?: {
    readonly perSecond: number;
    readonly perTransaction: number;
  };
}

/** What it did. */
export interface Published {
  /** How many in all, since its start: they are numbered from 0. */
  readonly published: number;
  /** Of a steady rate: each event's number, and when its transaction was committed. */
  readonly committed: readonly (readonly [number: number, ms: number])[];
}

/** Of the flood: transactions under way, events of each, and how far it may be ahead of who takes them. */
const WRITERS = 4;
const PER_TRANSACTION = 100;
const MOST_AHEAD = 10_000;

/**
 * Serves orders of the parent. `publish` commits events with the given numbers. The parent tells `{taken}`, how many
 * have taken effect so far, so that publishing and taking go on at one rate.
 */
export function servePublishing(publish: (numbers: readonly number[]) => Promise<void>): void {
  let published = 0;
  let taken = 0;

  async function flood(seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1_000;
    const writer = async () => {
      while (performance.now() < end) {
        if (published - taken >= MOST_AHEAD) {
          await sleep(1);
          continue;
        }
        const first = published;
        published += PER_TRANSACTION;
        await publish(Array.from({ length: PER_TRANSACTION }, (_, i) => first + i));
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, writer));
  }

  /** Each transaction when it is due, whether the ones before are committed or not. */
  async function steadily(
    seconds: number,
    { perSecond, perTransaction }: Required<PublishOrder>['steady'],
  ): Promise<Published['committed']> {
    const committed: [number, number][] = [];
    const writing: Promise<void>[] = [];
    const began = performance.now();
    const write = async (numbers: readonly number[]) => {
      await publish(numbers);
      const now = clockMs();
      for (const number of numbers) committed.push([number, now]);
    };
    for (let due = 0; due < seconds * perSecond; ) {
      const elapsed = Math.min(seconds, (performance.now() - began) / 1_000);
      for (; due < elapsed * perSecond; due += perTransaction) {
        const first = published;
        published += perTransaction;
        writing.push(write(Array.from({ length: perTransaction }, (_, i) => first + i)));
      }
      await sleep(1);
    }
    await Promise.all(writing);
    return committed;
  }

  process.on('message', async (message: PublishOrder | { readonly taken: number }) => {
    if ('taken' in message) {
      taken = message.taken;
      return;
    }
    const { seconds, steady } = message;
    const committed = steady ? await steadily(seconds, steady) : [];
    if (!steady) await flood(seconds);
    process.send?.({ published, committed } satisfies Published);
  });
  process.on('disconnect', () => process.exit());
}
