import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test, vi } from 'vitest';
import { createMetrics } from './metrics.ts';
import { startOtlp } from './otlp.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const heapUsed = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed;
};

test('a collector that is away costs no memory and one line', async () => {
  const { registry } = createMetrics({ process: false });
  const lines: unknown[] = [];
  const instance = 'order-1';
  // Nobody listens there. Read by the SDK itself.
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:9');
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '100');
  try {
    const otlp = startOtlp({
      ...{ service: 'order', instance, registry },
      exported: { traces: true, metrics: true, logs: true },
      everyMs: { traces: 10, metrics: 50, logs: 10 },
      log: { warn: (...line: unknown[]) => void lines.push(line) } as never,
    });
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
    const work = async () => {
      for (let n = 0; n < 50_000; n++) {
        const start = performance.now();
        otlp.takeSpan({
          trace,
          name: 'x',
          kind: 'server',
          start,
          end: start,
          attributes: { 'rpc.method': 'x' },
        });
        otlp.takeLine('{"level":"info","time":"2026-01-01T00:00:00.000Z","msg":"x"}');
        if (n % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await work();
    const before = heapUsed();
    await work();
    // Of fifty thousand spans and lines, some 50 MB.
    expect(heapUsed() - before).toBeLessThan(10e6);
    expect(lines).toHaveLength(1);
    const began = performance.now();
    await otlp.stop();
    expect(performance.now() - began).toBeLessThan(2_000);
  } finally {
    vi.unstubAllEnvs();
  }
}, 30_000);
