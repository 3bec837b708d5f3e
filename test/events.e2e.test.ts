import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { UserEventService } from '@souk/contracts/shop/user/v1/user_event_service_pb.js';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { bearer, type Clients, clientsOf, newCustomer, signIn } from './clients.ts';
import { testEventFlows } from './event-flows.ts';

const url = inject('gatewayUrl');
let admin: Clients & { session: { accessToken: string } };
beforeAll(async () => {
  const { email, password } = inject('admin');
  admin = await signIn(url, email, password);
});
const soon = { timeout: 10_000, interval: 50 };

testEventFlows(() => ({ url, admin }));

describe('events', () => {
  it('carry the trace of the call to their effect', async () => {
    const traceId = randomUUID().replaceAll('-', '');
    const customer = await newCustomer(url);
    const traced = clientsOf(url, customer.session.accessToken);
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    const user = { displayName: 'Traced' };
    await traced.users.updateUser({ user, updateMask: { paths: ['display_name'] } }, { headers });
    const lines = () =>
      ['order-1', 'order-2'].flatMap((name) =>
        readFileSync(`${inject('logs')}/${name}.log`, 'utf8')
          .split('\n')
          .filter((line) => line.includes('"event took effect"') && line.includes(traceId)),
      );
    await expect.poll(lines, soon).toHaveLength(1);
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ type: 'shop.user.v1.UserUpdated', traceId });
  });

  it('are for services and operators alone', async () => {
    const { session } = await newCustomer(url);
    const eventsAs = ({ accessToken }: { accessToken: string }) =>
      createClient(
        UserEventService,
        createGrpcTransport({ baseUrl: url, interceptors: [bearer(accessToken)] }),
      );
    const { consumers } = await eventsAs(admin.session).listEventConsumers({});
    expect(consumers.map(({ name }) => name)).toEqual(['order']);
    const customers = eventsAs(session);
    await expect(customers.listEventConsumers({})).rejects.toMatchObject({ code: Code.PermissionDenied });
    await expect(customers.rebuildCopies({})).rejects.toMatchObject({ code: Code.PermissionDenied });
    const follow = async () => {
      for await (const _ of customers.followEvents({ partitions: [{ partition: 0, position: 0n }] }));
    };
    await expect(follow()).rejects.toMatchObject({ code: Code.Unimplemented });
  });
});
