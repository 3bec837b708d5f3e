import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort, loopback } from './free-port.ts';
import { refuseTaken } from './port-taken.ts';

test('a port that was asked for by number is given to nobody else', async () => {
  const server = createServer().listen(0, loopback);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  await refuseTaken('GATEWAY_PORT', port);
  expect(await freePort(port)).not.toBe(port);
});
