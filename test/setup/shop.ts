import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startDashboard } from '../../mesh/dashboard/dashboard.ts';
import { ordersFor } from '../../mesh/local/orders.ts';
import { startShop } from '../../mesh/local/shop.ts';
import { firstAdmin } from './first-admin.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The gateway of a whole shop, of two instances of each service: `http://127.0.0.1:<port>`. */
    gatewayUrl: string;
    /** How its admin signs in. */
    admin: { email: string; password: string };
    /** Its dashboard, likewise. */
    dashboardUrl: string;
    /** The folder of its logs. The order service logs each event. */
    logs: string;
  }
}

/** Starts the shop, on free ports and in a folder of its own, that the end-to-end tests share. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'souk-e2e-'));
  const shop = await startShop({ home, durable: false, settings: { order: { LOG_LEVEL: 'debug' } } });
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
