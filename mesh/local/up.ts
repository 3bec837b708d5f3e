import { relative } from 'node:path';
import type { Dashboard } from '../dashboard/dashboard.ts';
import { type LauncherConfig, repository } from './config.ts';
import { takeOrders } from './control.ts';
import { Cure } from './cure.ts';
import { welcome, welcomeDirectly } from './first-call.ts';
import { ordersFor } from './orders.ts';
import { pathsIn } from './paths.ts';
import { isPortTaken } from './port-taken.ts';
import { createProgress } from './progress.ts';
import { findPrometheus } from './prometheus-binary.ts';
import { AlreadyRunning, type Shop, startShop } from './shop.ts';
import { readState } from './state.ts';
import { startTelemetry } from './telemetry.ts';

/**
 * Starts the shop and runs it until SIGINT or SIGTERM; a second one kills everything at once.
 *
 * @param started called when all of it serves
 * @returns the exit code
 */
export async function up(
  config: LauncherConfig,
  print: (line: string) => void,
  started = () => {},
): Promise<number> {
  const giveUp = new AbortController();
  let shop: Shop | undefined;
  let dashboard: Dashboard | undefined;
  let signals = 0;
  const stopped = new Promise<void>((resolve) => {
    const onSignal = () => {
      signals += 1;
      if (signals > 1) {
        print('Killed.');
        process.exit(1);
      }
      print('Stopping. (Once more to kill everything at once.)');
      giveUp.abort();
      resolve();
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  });
  const log = (line: string) => {
    print(`${new Date().toISOString()} ${line}`);
    dashboard?.log(line);
  };

  print('Starting Souk');
  const prometheus = config.observe ? await prometheusFor(config, print) : undefined;
  const telemetry = await startTelemetry(config.inherited);
  try {
    shop = await startShop({
      home: config.home,
      mesh: config.mesh,
      events: config.events,
      database: config.database,
      gatewayPort: config.gatewayPort,
      dashboardPort: config.dashboardPort,
      replicas: config.replicas,
      telemetry,
      prometheus,
      signal: giveUp.signal,
      progress: createProgress(print),
      log,
    });
  } catch (cause) {
    await telemetry?.receiver?.close();
    if (cause instanceof AlreadyRunning) return alreadyRunning(config, print);
    if (!giveUp.signal.aborted) throw cause;
    print('Stopped.');
    return 130;
  }
  const logs = relative(repository, shop.paths.logs) || shop.paths.logs;
  print(config.mesh === 'none' ? welcomeDirectly(shop.addresses, logs) : welcome(shop.gatewayPort, logs));
  const orders = ordersFor(shop);
  const control = await takeOrders(shop.paths, orders);
  const { startDashboard } = await import('../dashboard/dashboard.ts');
  dashboard = await startDashboard({
    shop,
    port: config.dashboardPort,
    orders: config.development ? orders : undefined,
    traces: telemetry?.receiver?.spans,
  });
  print(`  What goes on: http://127.0.0.1:${dashboard.port}\n`);
  started();
  await stopped;
  control.close();
  await dashboard.close();
  await shop.stop();
  await telemetry?.receiver?.close();
  print('Stopped.');
  return 0;
}

async function prometheusFor(config: LauncherConfig, print: (line: string) => void) {
  const found = findPrometheus(config);
  if (!found) {
    print(
      config.prometheusBin === undefined
        ? 'OBSERVE=1, but there is no Prometheus: install it ("apt install prometheus"), or name one by PROMETHEUS_BIN'
        : `OBSERVE=1, but PROMETHEUS_BIN names ${config.prometheusBin}: it isn't there, or has no promtool beside it`,
    );
    return undefined;
  }
  const port = config.prometheusPort;
  if (await isPortTaken(port))
    throw new Cure(`port ${port} is taken by another program: choose another by PROMETHEUS_PORT`);
  return { binary: found.prometheus, port };
}

function alreadyRunning({ home }: LauncherConfig, print: (line: string) => void): number {
  const state = readState(pathsIn(home));
  if (!state?.ready)
    throw new Cure('the shop is just being started by another launcher: wait for it, or "make down"');
  const where = state.mesh === 'none' ? 'without a mesh' : `on 127.0.0.1:${state.gatewayPort}`;
  print(`The shop runs already, ${where}. "make status" tells more, "make down" stops it.`);
  return 0;
}
