import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KeyValue } from '../../generated/otlp/opentelemetry/proto/common/v1/common_pb.js';
import type { LogRecord } from '../../generated/otlp/opentelemetry/proto/logs/v1/logs_pb.js';
import { startReceiver } from '../receiver.ts';
import { attributesOf } from '../span.ts';
import { findFluentBit } from './programs.ts';

const { binary, skipped } = findFluentBit();
const soon = { timeout: 30_000, interval: 200 };
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

const plain = ({ body, timeUnixNano, severityText, traceId: trace, attributes }: LogRecord) => ({
  body: attributesOf(body ? [{ key: 'body', value: body } as KeyValue] : []).body,
  time: Number(timeUnixNano) / 1e6,
  level: severityText,
  trace: Buffer.from(trace).toString('hex'),
  attributes: attributesOf(attributes),
});

describe.skipIf(!binary)(`Fluent Bit's configuration${skipped}`, () => {
  it('sends what services and Envoys log, before its start and after', async () => {
    const records: LogRecord[] = [];
    const receiver = await startReceiver({
      onLogs: ({ resourceLogs }) =>
        records.push(...resourceLogs.flatMap((each) => each.scopeLogs.flatMap((scope) => scope.logRecords))),
    });
    onTestFinished(() => receiver.close());
    const folder = mkdtempSync(join(tmpdir(), 'souk-fluent-bit-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    cpSync(import.meta.dirname, folder, { recursive: true });
    const config = join(folder, 'fluent-bit.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace('port: 4318', `port: ${receiver.port}`));
    const log = (file: string, line: object) =>
      appendFileSync(join(folder, `${file}.log`), `${JSON.stringify(line)}\n`);
    const time = '2026-11-22T14:59:36.776Z';
    log('order-1', { level: 'error', time, service: 'order', traceId, n: 7, err: { type: 'X' }, msg: 'one' });
    log('access', { time, listener: 'gateway', grpc_status: 'OK' });
    log('order-1-sidecar', { time, msg: 'not to be sent' });

    const fluentBit = spawn(binary ?? '', ['--config', config], {
      cwd: folder,
      env: { SOUK_LOGS: folder, COLLECTOR_HOST: '127.0.0.1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaints = '';
    fluentBit.stderr.on('data', (chunk) => {
      complaints += chunk;
    });
    onTestFinished(async () => {
      if (fluentBit.kill()) await once(fluentBit, 'exit');
    });
    await expect.poll(() => records.length, soon).toBe(2);
    log('order-1', { level: 'info', time, msg: 'two' });
    await expect.poll(() => records.length, soon).toBe(3);

    expect(records.map(plain)).toEqual(
      expect.arrayContaining([
        {
          ...{ body: 'one', time: Date.parse(time), level: 'error', trace: traceId },
          attributes: expect.objectContaining({ service: 'order', n: 7, err: '{"type":"X"}' }),
        },
        expect.objectContaining({ body: 'two', level: 'info' }),
        expect.objectContaining({
          body: '{"listener":"gateway","grpc_status":"OK"}',
          time: Date.parse(time),
        }),
      ]),
    );
    expect(complaints).not.toMatch(/\[ *(?:warn|error)\]/);
  });
});
