import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startDashboard } from '../../mesh/dashboard/dashboard.ts';
import { freePort } from '../../mesh/local/free-port.ts';
import { ordersFor } from '../../mesh/local/orders.ts';
import { startShop } from '../../mesh/local/shop.ts';
import { sendingTo } from '../../mesh/local/telemetry.ts';
import { firstAdmin } from './first-admin.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The gateway of a whole shop, of two instances of each service: `http://127.0.0.1:<port>`. */
    gatewayUrl: string;
    /** How its admin signs in. */
    admin: { email: string; password: string };
    /** Its dashboard, likewise. */
    dashboardUrl: string;
    /**
     * Where all of its telemetry is sent, and nobody listens: it has to bear that. The test that wants to see it starts a
     * receiver there.
     */
    telemetryPort: number;
    /** The folder of its logs. The order service logs each event. */
    logs: string;
  }
}

/** Every trace, and metrics and logs as well, as soon as there is something to send. */
const everything = {
  OTEL_TRACES_SAMPLER: 'parentbased_always_on',
  OTEL_BSP_SCHEDULE_DELAY: '100',
  OTEL_METRICS_EXPORTER: 'otlp',
  OTEL_METRIC_EXPORT_INTERVAL: '1000',
  OTEL_LOGS_EXPORTER: 'otlp',
  OTEL_BLRP_SCHEDULE_DELAY: '200',
  // What was sent in vain is soon given up, for what comes after it.
  OTEL_EXPORTER_OTLP_TIMEOUT: '500',
};

/** Starts the shop, on free ports and in a folder of its own, that the end-to-end tests share. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'souk-e2e-'));
  const telemetryPort = await freePort();
  const url = `http://127.0.0.1:${telemetryPort}`;
  const sending = sendingTo({ url }, 1);
  const shop = await startShop({
    home,
    durable: false,
    settings: { order: { LOG_LEVEL: 'debug' } },
    telemetry: {
      ...sending,
      environment: { ...sending.environment, ...everything },
    },
  });
  project.provide('telemetryPort', telemetryPort);
  const dashboard = await startDashboard({ shop, port: 0, orders: ordersFor(shop) });
  project.provide('dashboardUrl', `http://127.0.0.1:${dashboard.port}`);
  project.provide('gatewayUrl', `http://127.0.0.1:${shop.gatewayPort}`);
  project.provide('admin', firstAdmin(shop));
  project.provide('logs', shop.paths.logs);
  return async () => {
    await dashboard.close();
    await shop.stop();
    rmSync(home, { recursive: true, force: true });
  };
}
