import { loadConfig } from '../../platform/config/config.ts';
import { connect } from '../../platform/db/database.ts';
import { migrate } from '../../platform/db/migrate.ts';
import { run } from '../../platform/lifecycle/run.ts';
import { createParticipantMetrics } from '../../platform/participant/metrics.ts';
import { contractsDescriptorSet } from '../../platform/rpc/reflection.ts';
import { createServer } from '../../platform/rpc/server.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { createMetrics, serveMetrics } from '../../platform/telemetry/metrics.ts';
import { authenticateCallers } from './callers.ts';
import { configSpec } from './config.ts';
import { followOrders } from './coordinator.ts';
import { keepHouse } from './housekeeping.ts';
import { routes } from './routes.ts';
import { followSales } from './sales.ts';

const config = loadConfig(configSpec);
const { HOST: host, METRICS_PORT: metricsPort, DRAIN_TIMEOUT_MS: drainTimeoutMs } = config;
const log = createLogger({ service: 'product', instance: config.INSTANCE, level: config.LOG_LEVEL });

await run({ log, drainTimeoutMs }, async (app) => {
  const database = connect(config, log);
  app.onStop(() => database.close());
  await migrate(database.sql, new URL('./migrations/', import.meta.url), log);
  const { authenticate, close } = authenticateCallers(config);
  app.onStop(close);
  const metrics = createMetrics();
  if (metricsPort > 0) app.onStop((await serveMetrics(metrics.registry, host, metricsPort)).close);
  const participant = createParticipantMetrics(metrics.registry);
  const implementations = routes(database.sql, participant);
  const health = () => database.ping();
  const descriptorSet = contractsDescriptorSet();
  const server = createServer({ implementations, authenticate, descriptorSet, health, log, metrics });
  app.onDrain(() => server.drain(drainTimeoutMs));
  await server.listen(host, config.PORT);
  void followOrders(config, database.sql, participant, log, app.stopping);
  void followSales(database.sql, log, app.stopping);
  void keepHouse(database.sql, log, app.stopping);
});
