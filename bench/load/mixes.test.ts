import { randomUUID } from 'node:crypto';
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../test/random.ts';
import type { Call } from './client.ts';
import { beginSession, MIXES, type Mix } from './mixes.ts';
import { createOrderBook } from './order-book.ts';
import type { Outcome } from './sessions.ts';

const world = {
  customers: [{ userId: 'ada', email: 'ada@example.com', token: 'of-ada' }],
  ...{ password: 'correct horse battery', adminToken: 'of-admin', productIds: ['lamp', 'chair', 'desk'] },
};

/** What a shop answers that does all it is asked. */
function replyTo({ method }: Call): Outcome {
  const order = { id: randomUUID(), etag: 'v2' };
  const replies: Record<string, object> = {
    ListProducts: { products: [{ id: 'lamp' }, { id: 'chair' }] },
    CreateOrder: { order },
    Register: { user: { id: randomUUID() } },
    Login: { session: { accessToken: 'of-login' } },
  };
  const init = (replies[method.name] ?? {}) as MessageInitShape<DescMessage>;
  return { ok: true, reply: create(method.output as DescMessage, init), attempts: 1 };
}

/** Plays so many sessions; what was called, and what the book holds. */
function play(mix: Mix, sessions: number, answer = replyTo) {
  const book = createOrderBook();
  const context = { world, book, random: seeded(1) };
  const calls: Call[] = [];
  for (let n = 0; n < sessions; n++) {
    const session = beginSession(mix, context);
    for (let next = session.next(); !next.done; next = session.next(answer(next.value)))
      calls.push(next.value);
  }
  return { calls, names: calls.map(({ method }) => method.name), ...book.contents() };
}

const lose =
  (name: string, code: string, reason = '') =>
  (call: Call): Outcome =>
    call.method.name === name ? { ok: false, code, reason, attempts: 1 } : replyTo(call);

describe('the mixes', () => {
  it.each(MIXES)('%s follows from its seed', (mix) => {
    expect(play(mix, 50).names).toEqual(play(mix, 50).names);
    expect(play(mix, 50).names.length).toBeGreaterThanOrEqual(50);
  });

  it('have what they are called after', () => {
    expect(new Set(play('browse', 50).names)).toEqual(new Set(['ListProducts', 'GetProduct']));
    expect(new Set(play('checkout', 50).names)).toEqual(new Set(['CreateOrder']));
    expect(new Set(play('hot', 50).names)).toEqual(new Set(['GetProduct', 'CreateOrder']));
    const wanted = play('hot', 50).requests.flatMap(({ lines }) => lines.flat());
    expect(new Set(wanted.map(({ productId }) => productId))).toEqual(new Set(['lamp']));
    const every = ['Register', 'Login', 'ListProducts', 'CreateOrder', 'UpdateOrder', 'CancelOrder'];
    expect(play('shop', 500).names).toEqual(expect.arrayContaining(every));
  });

  it('hash a password in one call of about sixty, where people register and log in', () => {
    const { names } = play('shop', 20_000);
    const hashed = names.filter((name) => name === 'Register' || name === 'Login').length;
    expect(names.length / hashed).toBeGreaterThan(45);
    expect(names.length / hashed).toBeLessThan(65);
  });

  it('bring a token with each call but those by which one gets it', () => {
    for (const { method, token } of play('shop', 500).calls)
      expect(token !== '').toBe(!['Register', 'Login'].includes(method.name));
  });
});

describe('the book of orders', () => {
  it('holds what was told, and the credit that was given', () => {
    const { requests, credit, names } = play('shop', 500);
    expect(requests).toHaveLength(names.filter((name) => name === 'CreateOrder').length);
    expect(requests.every(({ creation, orderId }) => creation === 'placed' && orderId)).toBe(true);
    expect(requests.every(({ lines }) => lines.length === 1)).toBe(true);
    const cancelled = requests.filter(({ cancelled }) => cancelled === 'yes').length;
    expect(cancelled).toBe(names.filter((name) => name === 'CancelOrder').length);
    expect(credit.size).toBe(names.filter((name) => name === 'Register').length);
  });

  it('leaves open what was not told', () => {
    const unknown = play('checkout', 20, lose('CreateOrder', 'UNAVAILABLE')).requests;
    expect(new Set(unknown.map(({ creation }) => creation))).toEqual(new Set(['unknown']));
    const changed = play('shop', 200, lose('UpdateOrder', 'DEADLINE_EXCEEDED')).requests;
    expect(changed.some(({ lines }) => lines.length === 2)).toBe(true);
    const cancelled = play('shop', 200, lose('CancelOrder', 'UNAVAILABLE')).requests;
    expect(new Set(cancelled.map((one) => one.cancelled))).toEqual(new Set(['no', 'maybe']));
  });

  it('takes a refusal for one only where it is the shop that says so', () => {
    const creations = (reason: string) =>
      new Set(
        play('checkout', 9, lose('CreateOrder', 'FAILED_PRECONDITION', reason)).requests.map(
          (one) => one.creation,
        ),
      );
    expect(creations('INSUFFICIENT_STOCK')).toEqual(new Set(['refused']));
    expect(creations('')).toEqual(new Set(['unknown']));
    const refused = play('shop', 200, lose('UpdateOrder', 'ABORTED', 'STALE')).requests;
    expect(refused.every(({ lines }) => lines.length === 1)).toBe(true);
  });
});
