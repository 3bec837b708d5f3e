import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from './clock.ts';

/** What a publishing process is told to do: as much as is taken, or so many a second. */
export interface PublishOrder {
  readonly seconds: number;
  readonly perSecond?: number;
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

  /** Each in a transaction of its own, whether the ones before are committed or not. */
  async function steadily(seconds: number, perSecond: number): Promise<Published['committed']> {
    const committed: [number, number][] = [];
    const writing: Promise<void>[] = [];
    const began = performance.now();
    for (let due = 0; due < seconds * perSecond; ) {
      for (; due < Math.min(seconds, (performance.now() - began) / 1_000) * perSecond; due++) {
        const number = published++;
        writing.push(publish([number]).then(() => void committed.push([number, clockMs()])));
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
    const { seconds, perSecond } = message;
    const committed = perSecond === undefined ? [] : await steadily(seconds, perSecond);
    if (perSecond === undefined) await flood(seconds);
    process.send?.({ published, committed } satisfies Published);
  });
  process.on('disconnect', () => process.exit());
}
