import { expect, test } from 'vitest';
import { createMetrics, serveMetrics } from './metrics.ts';

test('GET /metrics answers what was counted, and nothing else is served', async () => {
  const metrics = createMetrics();
  metrics.calls.labels('grpc', 'shop.x.v1.S/M', 'OK').observe(1);
  const server = await serveMetrics(metrics.registry, '127.0.0.1', 0);
  const base = `http://127.0.0.1:${server.port}`;
  const text = await (await fetch(`${base}/metrics`)).text();
  const labels = 'rpc_system_name="grpc",rpc_method="shop.x.v1.S/M",rpc_response_status_code="OK"';
  expect(text).toContain(`rpc_server_call_duration_seconds_count{${labels}} 1`);
  expect(text).toContain('process_resident_memory_bytes');
  expect((await fetch(`${base}/`)).status).toBe(404);
  expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(404);
  await server.close();
  await expect(fetch(`${base}/metrics`)).rejects.toThrow();
});
