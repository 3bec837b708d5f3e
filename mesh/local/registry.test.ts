import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry, writeEndpoints } from './registry.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-registry-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const host = '127.0.0.1';
const ports = (service: string): number[] =>
  JSON.parse(
    readFileSync(join(folder, `${service}.json`), 'utf8'),
  ).resources[0].endpoints[0].lb_endpoints.map(
    (one: { endpoint: { address: { socket_address: { port_value: number } } } }) =>
      one.endpoint.address.socket_address.port_value,
  );

describe('a registry', () => {
  it('starts with an empty file for each service, as Envoy waits for them', () => {
    createRegistry(folder, ['user', 'order']);
    expect(ports('user')).toEqual([]);
    expect(ports('order')).toEqual([]);
  });

  it('tells which instances take calls', () => {
    const registry = createRegistry(folder, ['user', 'order']);
    registry.add('order', 'order-1', { host, port: 1 });
    registry.add('order', 'order-2', { host, port: 2 });
    expect(ports('order')).toEqual([1, 2]);
    expect(ports('user')).toEqual([]);
    registry.remove('order', 'order-1');
    expect(ports('order')).toEqual([2]);
    expect(registry.serving('order')).toEqual(['order-2']);
  });

  it('tells some of nobody until they are told of all, and then of each change', () => {
    const later = join(folder, 'later');
    const registry = createRegistry(folder, ['user', 'order'], later);
    registry.add('order', 'order-1', { host, port: 1 });
    expect(ports('order')).toEqual([1]);
    expect(ports('later/order')).toEqual([]);
    registry.open();
    expect(ports('later/order')).toEqual([1]);
    registry.add('user', 'user-1', { host, port: 2 });
    expect(ports('later/user')).toEqual([2]);
  });

  it('follows an instance to another port', () => {
    const registry = createRegistry(folder, ['order']);
    registry.add('order', 'order-1', { host, port: 1 });
    registry.add('order', 'order-1', { host, port: 3 });
    expect(ports('order')).toEqual([3]);
  });

  it('writes nothing where nothing changes', () => {
    const registry = createRegistry(folder, ['order']);
    registry.add('order', 'order-1', { host, port: 1 });
    const { ino } = statSync(join(folder, 'order.json'));
    registry.add('order', 'order-1', { host, port: 1 });
    registry.remove('order', 'order-9');
    expect(statSync(join(folder, 'order.json')).ino).toBe(ino);
  });

  it('forgets what an earlier launcher wrote', () => {
    createRegistry(folder, ['order']).add('order', 'order-1', { host, port: 1 });
    createRegistry(folder, ['order']);
    expect(ports('order')).toEqual([]);
  });
});

describe('writing an endpoint file', () => {
  it('moves a new file into place and leaves nothing beside it', () => {
    writeEndpoints(folder, 'order', [{ host, port: 1 }]);
    const { ino } = statSync(join(folder, 'order.json'));
    writeEndpoints(folder, 'order', [{ host, port: 2 }]);
    // A write in place would keep the inode, and Envoy would never notice it.
    expect(statSync(join(folder, 'order.json')).ino).not.toBe(ino);
    expect(readdirSync(folder)).toEqual(['order.json']);
  });

  it('tells the part of the calls that an instance gets', () => {
    const registry = createRegistry(folder, ['order']);
    for (const [n, name] of ['order-1', 'order-2', 'order-canary-1'].entries())
      registry.add('order', name, { host, port: n + 1 });
    expect(registry.share('order', 'order-1')).toBeCloseTo(1 / 3);
    registry.split('order', 'order-canary', 10);
    expect(registry.share('order', 'order-1')).toBeCloseTo(0.45);
    expect(registry.share('order', 'order-canary-1')).toBeCloseTo(0.1);
    registry.split('order', 'order-canary', 0);
    expect(registry.share('order', 'order-canary-1')).toBe(0);
    registry.remove('order', 'order-2');
    expect(registry.share('order', 'order-2')).toBe(0);
    expect(registry.share('order', 'order-1')).toBe(1);
  });

  it('never shows a reader half of a file', async () => {
    writeEndpoints(folder, 'order', []);
    const file = join(folder, 'order.json');
    const program = `
      const { readFileSync } = require('node:fs');
      let reads = 0;
      for (const end = Date.now() + 500; Date.now() < end; reads++) JSON.parse(readFileSync(${JSON.stringify(file)}, 'utf8'));
      process.exit(reads > 100 ? 0 : 2);`;
    const reader = spawn(process.execPath, ['-e', program]);
    let exit: number | null | undefined;
    void once(reader, 'exit').then(([code]) => {
      exit = code;
    });
    for (let n = 0; exit === undefined; n++) {
      writeEndpoints(
        folder,
        'order',
        Array.from({ length: n % 200 }, (_, i) => ({ host, port: i + 1 })),
      );
      if (n % 20 === 0) await new Promise(setImmediate);
    }
    expect(exit).toBe(0);
  });
});
