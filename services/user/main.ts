import { loadConfig } from '../../platform/config/config.ts';
import { connect } from '../../platform/db/database.ts';
import { migrate } from '../../platform/db/migrate.ts';
import { run } from '../../platform/lifecycle/run.ts';
import { contractsDescriptorSet } from '../../platform/rpc/reflection.ts';
import { createServer } from '../../platform/rpc/server.ts';
import { createTelemetry } from '../../platform/telemetry/telemetry.ts';
import { configSpec } from './config.ts';
import { followOrders } from './coordinator.ts';
import { userEvents } from './events.ts';
import { keepHouse } from './housekeeping.ts';
import { createUserMetrics } from './metrics.ts';
import { createService } from './service.ts';
import { openKeysOf } from './signing-keys.ts';

const config = loadConfig(configSpec);
const { HOST: host, DRAIN_TIMEOUT_MS: drainTimeoutMs } = config;
const telemetry = createTelemetry('user', config);
const { log, metrics } = telemetry;

await run({ log, drainTimeoutMs }, async (app) => {
  await telemetry.start(app);
  const database = connect(config, log, metrics.registry);
  app.onStop(() => database.close());
  await migrate(database.sql, new URL('./migrations/', import.meta.url), log);
  const keys = await openKeysOf(config, database.sql, log);
  keepHouse(database.sql, keys, log, app.stopping);

  const userMetrics = createUserMetrics(metrics.registry);
  const events = userEvents(config, database.sql, log, metrics.registry);
  app.onStop(() => events.stop());
  const service = createService(database.sql, events, keys, userMetrics, config);
  const [descriptorSet, health] = [contractsDescriptorSet(), () => database.ping()];
  const server = createServer({ ...service, descriptorSet, health, log, metrics });
  app.onDrain(() => server.drain(drainTimeoutMs));
  events.start(app.stopping);
  await server.listen(host, config.PORT);
  void followOrders(config, database.sql, { ...metrics, ...userMetrics }, log, app.stopping);
});
