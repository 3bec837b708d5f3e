import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthority } from '../identity/authority.ts';
import { freePort, loopback } from '../local/free-port.ts';
import { startTestGateway, type TestGateway } from '../testing/gateway.ts';
import { serverTls } from './tls.ts';

const folder = mkdtempSync(join(tmpdir(), 'souk-gateway-tls-'));
const files = { certificate: join(folder, 'tls', 'server.pem'), key: join(folder, 'tls', 'server.key') };
let gateway: TestGateway;
let port: number;

/** Puts a new certificate in place, as a person's own tool would: both files by rename. */
async function exchangeCertificate(): Promise<void> {
  const { certificate, key } = await (await createAuthority()).issue('gateway', 60_000);
  for (const [file, text] of [
    [files.key, key],
    [files.certificate, certificate],
  ] as const) {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }
}

/** What the server shows to whoever connects with these options. */
function handshake(options: ConnectionOptions = {}) {
  return new Promise<{ protocol: string | null; alpn: string | false | null; serial: string }>(
    (resolve, reject) => {
      const socket = connect(
        { host: loopback, port, rejectUnauthorized: false, ALPNProtocols: ['h2'], ...options },
        () => {
          const { serialNumber: serial } = socket.getPeerCertificate();
          resolve({ protocol: socket.getProtocol(), alpn: socket.alpnProtocol, serial });
          socket.destroy();
        },
      );
      socket.on('error', reject);
    },
  );
}

beforeAll(async () => {
  mkdirSync(join(folder, 'tls'));
  await exchangeCertificate();
  port = await freePort();
  const tls = serverTls(files, join(folder, 'secret.json'));
  gateway = await startTestGateway({ secure: { host: loopback, port, tls } });
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('serves by TLS what it serves in plain text', async () => {
  const session = connectHttp2(`https://${loopback}:${port}`, { rejectUnauthorized: false });
  const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/shop.product.v1.StockService/ReserveStock', // for services alone
      'content-type': 'application/grpc',
    });
    stream.on('response', resolve).on('error', reject).end();
  });
  session.close();
  // 12 is UNIMPLEMENTED.
  expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '12' });
});

it('speaks TLS 1.2 and 1.3, nothing older, and HTTP/2', async () => {
  expect(await handshake()).toMatchObject({ protocol: 'TLSv1.3', alpn: 'h2' });
  expect(await handshake({ maxVersion: 'TLSv1.2' })).toMatchObject({ protocol: 'TLSv1.2' });
  await expect(handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).rejects.toThrow();
});

it('takes up a new certificate without a restart', async () => {
  const { serial } = await handshake();
  await exchangeCertificate();
  await expect.poll(async () => (await handshake()).serial, { timeout: 5_000 }).not.toBe(serial);
});
