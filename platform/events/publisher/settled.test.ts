import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSettled } from './settled.ts';

const move = { moved: 1, types: new Map(), entries: undefined, positionBefore: 0n, lastPosition: 1n };

/** A writer: when it gets its id, its number, and when it ends. All moments differ. */
type Writer = { begins: number; numbered: number; ends: number; aborted: boolean };
const writer: fc.Arbitrary<Writer> = fc
  .tuple(fc.nat(40), fc.nat(10), fc.nat(30), fc.boolean())
  .map(([begins, until, open, aborted]) => ({
    begins,
    numbered: begins + until,
    ends: begins + until + open,
    aborted,
  }));

test('no event is ever committed or left below what is settled', () => {
  fc.assert(
    fc.property(
      fc.array(writer, { minLength: 1, maxLength: 12 }),
      fc.uniqueArray(fc.nat(80), { minLength: 2, maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      (writers, runs, atMost) => {
        type Event = { seq: bigint; state: 'open' | 'committed' | 'aborted' | 'moved' };
        const events = new Map<Writer, Event>();
        const xids = new Map<Writer, bigint>();
        const settled = createSettled();
        let [xid, seq] = [0n, 0n];
        for (let time = 0; time <= 80; time++) {
          for (const each of writers) {
            if (each.begins === time) xids.set(each, ++xid);
            if (each.numbered === time) events.set(each, { seq: ++seq, state: 'open' });
            const event = events.get(each);
            if (each.ends !== time || event === undefined) continue;
            event.state = each.aborted ? 'aborted' : 'committed';
            xids.delete(each);
          }
          if (!runs.includes(time)) continue;
          const oldest = [...xids.values()].reduce((a, b) => (a < b ? a : b), xid + 1n);
          const due = [...events.values()]
            .filter((event) => event.state === 'committed' && event.seq > settled.seq)
            .sort((a, b) => Number(a.seq - b.seq))
            .slice(0, atMost);
          for (const event of due) event.state = 'moved';
          settled.learn(
            {
              ...move,
              moved: due.length,
              lastSeq: due.at(-1)?.seq ?? null,
              xid: due.length > 0 ? ++xid : null,
              givenSeq: seq,
              oldestXid: oldest,
            },
            atMost,
          );
          const lost = [...events.values()].filter(
            ({ seq, state }) => seq <= settled.seq && (state === 'open' || state === 'committed'),
          );
          if (lost.length > 0) expect(lost).toEqual([]);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('it follows the numbers as soon as those before have ended', () => {
  const settled = createSettled();
  settled.learn({ ...move, lastSeq: 7n, xid: 100n, givenSeq: 9n, oldestXid: 100n }, 10);
  expect(settled.seq).toBe(0n);
  settled.learn({ ...move, lastSeq: 10n, xid: 101n, givenSeq: 10n, oldestXid: 90n }, 10);
  expect(settled.seq).toBe(0n);
  settled.learn({ ...move, lastSeq: 11n, xid: 102n, givenSeq: 11n, oldestXid: 102n }, 10);
  expect(settled.seq).toBe(9n);
  settled.learn({ ...move, moved: 0, lastSeq: null, xid: null, givenSeq: 11n, oldestXid: 103n }, 10);
  expect(settled.seq).toBe(11n);
  settled.forget();
  expect(settled.seq).toBe(0n);
});
