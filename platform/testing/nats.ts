import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort, { portNumbers } from 'get-port';
import { afterAll, inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** The program nats-server; empty where there is none. */
    natsServer: string;
  }
}

/** A real nats-server with JetStream, for one test file. */
export interface TestBroker {
  readonly url: string;
  /** Ends it at once. What it has stored stays. */
  kill(): Promise<void>;
  /** Starts it again, at the same address. */
  restart(): Promise<void>;
  /** Removes what it has stored, while it is down. */
  wipe(): void;
}

/** Whether there is a nats-server to test with; `describe.skipIf(!hasNats())`. */
export const hasNats = (): boolean => inject('natsServer') !== '';

/** Starts a broker. It is ended after the file's last test. `settings` are lines of its configuration. */
export async function testBroker(settings = ''): Promise<TestBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'souk-nats-'));
  const store = join(folder, 'store');
  const host = '127.0.0.1';
  const port = await getPort({ port: portNumbers(21_000 + Math.floor(Math.random() * 9_000), 31_000), host });
  const config = join(folder, 'nats.conf');
  writeFileSync(
    config,
    `listen: "${host}:${port}"
     jetstream { store_dir: "${store}", max_file_store: 2GB, max_memory_store: 16MB }
     authorization { user: "test", password: "pass-word" }
     ${settings}`,
  );
  let child: ChildProcess | undefined;

  const restart = async () => {
    child = spawn(inject('natsServer'), ['--config', config, '--log', join(folder, 'log')], {
      stdio: 'ignore',
    });
    await once(child, 'spawn');
    while (!(await accepts(host, port))) await sleep(20);
  };
  const kill = async () => {
    if (!child) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    child = undefined;
  };
  afterAll(async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await restart();
  return {
    url: `nats://test:pass-word@${host}:${port}`,
    kill,
    restart,
    wipe: () => rmSync(store, { recursive: true, force: true }),
  };
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
