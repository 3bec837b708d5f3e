import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthority } from '../identity/authority.ts';
import { freePort, loopback } from '../local/free-port.ts';
import { startTestGateway, type TestGateway } from '../testing/gateway.ts';
import { serverTls } from './tls.ts';

// What strangers may hold of the gateway, besides the calls that traffic.integration.test.ts counts.

const folder = mkdtempSync(join(tmpdir(), 'souk-limits-'));
let gateway: TestGateway;
let tlsPort: number;
beforeAll(async () => {
  const { certificate, key } = await (await createAuthority()).issue('gateway', 60_000);
  const files = { certificate: join(folder, 'server.pem'), key: join(folder, 'server.key') };
  writeFileSync(files.certificate, certificate);
  writeFileSync(files.key, key);
  tlsPort = await freePort();
  const tls = serverTls(files, join(folder, 'secret.json'));
  gateway = await startTestGateway({ secure: { host: loopback, port: tlsPort, tls } });
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

const open = () => connectHttp2(`http://${loopback}:${gateway.gatewayPort}`).on('error', () => {});
const call = {
  ':method': 'POST',
  ':path': '/shop.product.v1.ProductService/GetProduct',
  'content-type': 'application/grpc',
};

/** The gRPC status that a call with these headers besides its own ends with; undefined if it is cut off. */
function statusWith(headers: Record<string, string>): Promise<unknown> {
  const session = open();
  return new Promise((resolve) => {
    const stream = session.request({ ...call, ...headers });
    stream.on('response', (answer) => resolve(answer['grpc-status']));
    stream.on('error', () => {}).on('close', () => resolve(undefined));
    stream.end();
  }).finally(() => session.destroy());
}

/** How long, in milliseconds, a connection that sends no more than this stays open. */
function patienceWith(port: number, sent: string): Promise<number> {
  const start = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, loopback, () => socket.write(sent));
    socket.on('data', () => {}).on('error', () => {});
    socket.on('close', () => resolve(performance.now() - start));
  });
}

it('takes no more than 100 headers, and 32 KiB of them', async () => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-header-${n}`, 'x']));
  // Let in: there is no instance.
  expect(await statusWith(many(80))).toBe('14');
  expect(await statusWith(many(101))).not.toBe('14');
  expect(await statusWith({ 'x-large': 'x'.repeat(16 * 1024) })).toBe('14');
  expect(await statusWith({ 'x-large': 'x'.repeat(33 * 1024) })).not.toBe('14');
});

it('has 1,000 streams at most on a connection', async () => {
  const session = open();
  const settings = await new Promise((resolve) => session.once('remoteSettings', resolve));
  session.destroy();
  expect(settings).toMatchObject({ maxConcurrentStreams: 1_000 });
});

it('hangs up on who begins calls and takes them back, again and again', async () => {
  const session = open();
  let begun = 0;
  const closed = new Promise((resolve) => session.once('close', resolve));
  while (!session.closed && !session.destroyed && begun < 5_000) {
    for (let n = 0; n < 50 && !session.closed; n++, begun++) {
      const stream = session.request(call);
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_CANCEL);
    }
    await new Promise(setImmediate);
  }
  await closed;
  expect(begun).toBeLessThan(5_000);
});

it('waits 10 s for headers and for a handshake, and no longer', async () => {
  const waits = await Promise.all([
    patienceWith(gateway.gatewayPort, 'POST / HTTP/1.1\r\nhost: shop\r\n'),
    patienceWith(tlsPort, ''),
  ]);
  for (const ms of waits) {
    expect(ms).toBeGreaterThan(9_000);
    expect(ms).toBeLessThan(15_000);
  }
});
