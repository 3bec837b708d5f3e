import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { type Broker, brokerIsReady, isHealthy, startBroker } from './broker.ts';
import { type Paths, pathsIn, prepareFolders } from './paths.ts';
import { secretsIn } from './secrets.ts';

const patient = { timeout: 15_000, interval: 50 };

describe.skipIf(inject('natsServer') === '')('the broker of a shop', () => {
  const homes: string[] = [];
  const brokers: Broker[] = [];
  const lines: string[] = [];
  const events = { changed: () => {}, log: (line: string) => lines.push(line), longestDelayMs: 200 };
  afterAll(async () => {
    await Promise.all(brokers.map((broker) => broker.stop()));
    for (const home of homes) rmSync(home, { recursive: true, force: true });
  });

  async function start() {
    const home = mkdtempSync(join(tmpdir(), 'souk-broker-'));
    homes.push(home);
    const paths = pathsIn(home);
    prepareFolders(paths);
    const secrets = secretsIn(paths.secrets);
    const broker = await startBroker({ paths, secrets, binary: inject('natsServer') }, events);
    brokers.push(broker);
    expect(await brokerIsReady(broker)).toBe(true);
    return { broker, paths, password: secrets('nats') };
  }
  const letsIn = (port: number, credentials: { user?: string; pass?: string }) =>
    connect({ servers: `127.0.0.1:${port}`, reconnect: false, timeout: 2_000, ...credentials }).then(
      async (connection) => {
        const { jetstream } = connection.info ?? {};
        await connection.close();
        return jetstream === true;
      },
      () => false,
    );
  /** All files of a home that hold a text, by their paths in it. */
  const filesWith = ({ home }: Paths, text: string): string[] =>
    readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((file) => {
      const path = join(home, file);
      return statSync(path).isFile() && readFileSync(path).includes(text);
    });

  it('has JetStream, and lets in whoever has the password, which is among the secrets alone', async () => {
    const { broker, paths, password } = await start();
    expect(await letsIn(broker.port, { user: 'souk', pass: password })).toBe(true);
    expect(await letsIn(broker.port, { user: 'souk', pass: 'another' })).toBe(false);
    expect(await letsIn(broker.port, {})).toBe(false);
    expect(broker.url).toBe(`nats://souk:${password}@127.0.0.1:${broker.port}`);
    expect(filesWith(paths, password)).toEqual([join('secrets', 'nats')]);
    expect(await isHealthy(broker.monitorPort)).toBe(true);
    await broker.stop();
    expect(await isHealthy(broker.monitorPort)).toBe(false);
  });

  it('is started again on the same port when it dies', async () => {
    const { broker, password } = await start();
    const pid = broker.running()?.identity.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => broker.running()?.identity.pid ?? pid, patient).not.toBe(pid);
    await expect.poll(() => letsIn(broker.port, { user: 'souk', pass: password }), patient).toBe(true);
    expect(lines.filter((line) => line.startsWith('nats died (SIGKILL)'))).toHaveLength(1);
    await broker.stop();
    expect(broker.running()).toBeUndefined();
  });
});
