import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { type Otlp, startOtlp } from '../../../platform/telemetry/otlp.ts';
import type { SpanAttributes } from '../../../platform/telemetry/span.ts';
import { freePort } from '../../local/free-port.ts';
import { asText } from '../../testing/as-text.ts';
import { type Receiver, startReceiver } from '../receiver.ts';
import { findCollector } from './programs.ts';

const { binary, skipped } = findCollector();
const config = join(import.meta.dirname, 'collector.yaml');
/** How long a trace waits for its judgement here, in place of half a minute. */
const WAIT_MS = 4_000;
const soon = { timeout: 20_000, interval: 200 };
const hex = (bytes: number) => randomBytes(bytes).toString('hex');

describe.skipIf(!binary)(`the Collector's configuration${skipped}`, () => {
  let folder = '';
  /** What has come through, but for spans. */
  const texts = { metrics: '', logs: '' };
  let log = '';
  let backend: Receiver;
  let collector: ChildProcess;
  let otlp: Otlp;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'souk-collector-'));
    backend = await startReceiver({
      capacity: 20_000,
      onMetrics: (request) => {
        texts.metrics += asText(request);
      },
      onLogs: (request) => {
        texts.logs += asText(request);
      },
    });
    const [http, grpc] = [await freePort(), await freePort()];
    const here = join(folder, 'here.yaml');
    writeFileSync(
      here,
      stringify({
        receivers: {
          otlp: {
            protocols: { http: { endpoint: `127.0.0.1:${http}` }, grpc: { endpoint: `127.0.0.1:${grpc}` } },
          },
        },
        processors: { tail_sampling: { decision_wait: `${WAIT_MS}ms` } },
        service: { telemetry: { metrics: { level: 'none' } } },
      }),
    );
    collector = spawn(binary ?? '', ['--config', config, '--config', here], {
      env: { BACKEND_ENDPOINT: backend.url },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    collector.stderr?.on('data', (chunk) => {
      log += chunk;
    });
    await vi.waitFor(() => expect(log).toContain('Everything is ready'), soon);
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${http}`);
    // The sender is the services' own.
    otlp = startOtlp({
      ...{ service: 'order', instance: 'order-1', registry: createMetrics().registry },
      exported: { traces: true, metrics: true, logs: true },
      everyMs: { traces: 50, metrics: 500, logs: 50 },
      log: { warn: (...line: unknown[]) => expect.fail(JSON.stringify(line)) } as never,
    });
  });
  afterAll(async () => {
    await otlp?.stop();
    vi.unstubAllEnvs();
    if (collector?.kill()) await once(collector, 'exit');
    await backend?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const began = performance.now();
  function send(
    traceId: string,
    given: { tookMs?: number; error?: string; attributes?: SpanAttributes } = {},
  ) {
    const { tookMs = 1, error, attributes = {} } = given;
    const trace = { traceId, spanId: hex(8), sampled: true };
    otlp.takeSpan({
      ...{ trace, name: 'work', kind: 'server', attributes, error },
      ...{ start: began, end: began + tookMs },
    });
  }
  const spansOf = (traceId: string) => backend.spans.trace(traceId);
  const counts = (ids: readonly string[]) => ids.map((id) => spansOf(id).length);

  it('is valid', () => {
    const { status, stderr } = spawnSync(binary ?? '', ['validate', '--config', config], {
      env: { BACKEND_ENDPOINT: backend.url },
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('keeps all traces that failed or were slow, one in ten of the others, and each whole', async () => {
    const ids = (count: number) => Array.from({ length: count }, () => hex(16));
    const [failed, slow, others] = [ids(50), ids(50), ids(800)];
    for (const id of [...failed, ...slow, ...others]) send(id);
    await sleep(WAIT_MS / 2);
    for (const id of failed) send(id, { error: 'INTERNAL' });
    for (const id of slow) send(id, { tookMs: 501 });
    for (const id of others) send(id, { tookMs: 499 });
    await expect.poll(() => counts([...failed, ...slow]), soon).toEqual(Array(100).fill(2));
    // Those that come after the judgement.
    for (const id of [...failed, ...slow, ...others]) send(id);
    await expect.poll(() => counts([...failed, ...slow]), soon).toEqual(Array(100).fill(3));
    // Theirs may be sent in a later batch than those above.
    const keptOf = () => counts(others).filter((spans) => spans > 0);
    await expect.poll(() => new Set(keptOf()), soon).toEqual(new Set([3]));
    const kept = keptOf();
    // Chance alone takes it further than this once in 10,000 times.
    expect(kept.length).toBeGreaterThan(47);
    expect(kept.length).toBeLessThan(113);
    expect(kept).toEqual(kept.map(() => 3));
  });

  it('removes what should not be there, and nothing else', async () => {
    const traceId = hex(16);
    const attributes = {
      ...{ 'rpc.method': 'Login', 'db.query.text': 'SELECT 1', 'user.email': 'x', AuthorizationHeader: 'x' },
      ...{ access_token: 'x', 'set-cookie': 'x', password: 'x' },
    };
    send(traceId, { error: 'INTERNAL', attributes: attributes as SpanAttributes });
    await expect.poll(() => spansOf(traceId)[0]?.attributes, soon).toEqual({ 'rpc.method': 'Login' });
    const line = { level: 'info', time: new Date().toISOString(), msg: 'well', email: 'to-be-removed', n: 1 };
    otlp.takeLine(JSON.stringify(line));
    await expect.poll(() => texts.logs, soon).toContain('"well"');
    expect(texts.logs).toContain('"n"');
    expect(texts.logs).not.toContain('to-be-removed');
  });

  it('passes metrics on', async () => {
    await expect.poll(() => texts.metrics.includes('process_resident_memory_bytes'), soon).toBe(true);
  });

  it('has nothing to complain of', () => {
    expect(log.split('\n').filter((line) => /\t(?:warn|error)\t/.test(line))).toEqual([]);
  });
});
