import { create } from '@bufbuild/protobuf';
import { GetOrderResponseSchema, OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../test/random.ts';
import { insist } from './attempts.ts';
import type { Answer, Call } from './client.ts';
import type { Outcome } from './sessions.ts';

const { createOrder, getOrder, updateOrder } = OrderService.method;
const place: Call = { method: createOrder, token: '', request: {} };
const read: Call = { method: getOrder, token: '', request: {} };
const change: Call = {
  ...{ method: updateOrder, token: '', request: {} },
  verify: { call: read, done: (reply) => (reply as { order?: { etag: string } }).order?.etag !== 'v2' },
};
const orderAt = (etag: string): Answer => ({
  ok: true,
  reply: create(GetOrderResponseSchema, { order: { etag } }),
});
const lost: Answer = { ok: false, code: 'UNAVAILABLE', reason: '' };
const stale: Answer = { ok: false, code: 'ABORTED', reason: 'STALE' };

/** What a call comes to when it is answered like this, and which methods were called. */
async function told(call: Call, answers: readonly Answer[], retries = 2) {
  const left = [...answers];
  const called: string[] = [];
  const outcome = await new Promise<Outcome>((resolve) => {
    const send = ({ method }: Call, done: (answer: Answer) => void) => {
      called.push(method.name);
      done(left.shift() ?? lost);
    };
    insist(send, call, { retries, random: seeded(1) }, resolve);
  });
  return { outcome, called };
}

describe('a client that lost an answer', () => {
  it('asks again, as often as it has patience', async () => {
    expect((await told(place, [lost, orderAt('v1')])).outcome).toMatchObject({ ok: true, attempts: 2 });
    expect((await told(place, [])).outcome).toMatchObject({ code: 'UNAVAILABLE', attempts: 3 });
    expect((await told(place, [lost], 0)).outcome).toMatchObject({ code: 'UNAVAILABLE', attempts: 1 });
  });

  it('does not ask again after the shop said no, nor what must not be done twice', async () => {
    const no: Answer = { ok: false, code: 'FAILED_PRECONDITION', reason: 'INSUFFICIENT_STOCK' };
    expect((await told(place, [no])).outcome).toEqual({ ...no, attempts: 1 });
    const password = { method: UserService.method.changePassword, token: '', request: {} };
    expect((await told(password, [lost])).outcome).toMatchObject({ ok: false, attempts: 1 });
  });

  it('reads what it changed before it does so again', async () => {
    const done = await told(change, [lost, orderAt('v3')]);
    expect(done).toMatchObject({ outcome: { ok: true, attempts: 1 }, called: ['UpdateOrder', 'GetOrder'] });
    const again = await told(change, [lost, orderAt('v2'), orderAt('v3')]);
    expect(again).toMatchObject({ outcome: { ok: true, attempts: 2 } });
    expect(again.called).toEqual(['UpdateOrder', 'GetOrder', 'UpdateOrder']);
  });

  it('takes it for done where the first attempt overtook the second, and for refused where there was one', async () => {
    const { outcome } = await told(change, [lost, orderAt('v2'), stale, orderAt('v3')]);
    expect(outcome).toMatchObject({ ok: true, attempts: 2 });
    expect((await told(change, [stale])).outcome).toEqual({ ...stale, attempts: 1 });
  });
});
