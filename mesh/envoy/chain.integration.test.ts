import { status } from '@grpc/grpc-js';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import { expect, it, onTestFinished } from 'vitest';
import { createClient } from '../../platform/rpc/client.ts';
import { implementPartly } from '../../platform/testing/implement.ts';
import { testServer } from '../../platform/testing/server.ts';
import { loopback } from '../local/free-port.ts';
import { Failure, startBackend } from '../testing/backend.ts';
import { createCaller } from '../testing/call.ts';
import { startTestGateway } from '../testing/gateway.ts';

const CALLS = 200;

it('does not multiply the tries of a call by those of the calls that it makes', async () => {
  const gateway = await startTestGateway();
  onTestFinished(gateway.stop);
  const products = await Promise.all([1, 2].map(() => startBackend(gateway.contract, 'product')));
  for (const [n, backend] of products.entries()) {
    onTestFinished(backend.kill);
    backend.answer = () => {
      throw new Failure(status.UNAVAILABLE);
    };
    gateway.registry.add('product', `product-${n}`, { host: loopback, port: backend.port });
  }

  // A server and a client as services have them: the one's only handler calls by the other, through the mesh.
  const client = createClient(ProductService, { address: `${loopback}:${gateway.internalPort}` });
  onTestFinished(client.close);
  let handled = 0;
  const { address } = await testServer({
    implementations: [
      implementPartly(UserService, {
        listSigningKeys: async (_, context) => {
          handled += 1;
          await client.getProduct({ productId: '0190a5e0-7a3c-7000-8000-000000000001' }, context);
          return {};
        },
      }),
    ],
  });
  gateway.registry.add('user', 'user-0', { host: loopback, port: Number(address.split(':')[1]) });
  await gateway.untilHealthy('product', products.length);
  await gateway.untilHealthy('user', 1);

  const caller = createCaller(gateway.gatewayPort);
  onTestFinished(caller.close);
  for (let n = 0; n < CALLS; n++)
    expect(await caller.call('/shop.user.v1.UserService/ListSigningKeys')).toMatchObject({
      code: 'UNAVAILABLE',
    });
  const tries = products.reduce((sum, { calls }) => sum + calls.length, 0);
  expect(tries).toBeLessThanOrEqual(1.2 * CALLS);
  expect(tries).toBeGreaterThan(CALLS);
  expect(handled).toBeLessThanOrEqual(CALLS);
});
