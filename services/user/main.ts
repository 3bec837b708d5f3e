import { loadConfig } from '../../platform/config/config.ts';
import { connect } from '../../platform/db/database.ts';
import { migrate } from '../../platform/db/migrate.ts';
import { run } from '../../platform/lifecycle/run.ts';
import { contractsDescriptorSet } from '../../platform/rpc/reflection.ts';
import { createServer } from '../../platform/rpc/server.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { createMetrics, serveMetrics } from '../../platform/telemetry/metrics.ts';
import { configSpec } from './config.ts';
import { followOrders } from './coordinator.ts';
import { userEvents } from './events.ts';
import { keepHouse } from './housekeeping.ts';
import { createUserMetrics } from './metrics.ts';
import { createService } from './service.ts';
import { openKeysOf } from './signing-keys.ts';

const config = loadConfig(configSpec);
const { HOST: host, METRICS_PORT: metricsPort, DRAIN_TIMEOUT_MS: drainTimeoutMs } = config;
const log = createLogger({ service: 'user', instance: config.INSTANCE, level: config.LOG_LEVEL });

await run({ log, drainTimeoutMs }, async (app) => {
  const database = connect(config, log);
  app.onStop(() => database.close());
  await migrate(database.sql, new URL('./migrations/', import.meta.url), log);
  const keys = await openKeysOf(config, database.sql, log);
  keepHouse(database.sql, keys, log, app.stopping);

  const metrics = createMetrics();
  if (metricsPort > 0) app.onStop((await serveMetrics(metrics.registry, host, metricsPort)).close);
  const userMetrics = createUserMetrics(metrics.registry);
  const events = userEvents(config, database.sql, log, metrics.registry);
  app.onStop(() => events.stop());
  const service = createService(database.sql, events, keys, userMetrics, config);
  const [descriptorSet, health] = [contractsDescriptorSet(), () => database.ping()];
  const server = createServer({ ...service, descriptorSet, health, log, metrics });
  app.onDrain(() => server.drain(drainTimeoutMs));
  events.start(app.stopping);
  await server.listen(host, config.PORT);
  void followOrders(config, database.sql, userMetrics, log, app.stopping);
});
