import { loadConfig } from '../../platform/config/config.ts';
import { connect } from '../../platform/db/database.ts';
import { migrate } from '../../platform/db/migrate.ts';
import { run } from '../../platform/lifecycle/run.ts';
import { createParticipantMetrics } from '../../platform/participant/metrics.ts';
import { contractsDescriptorSet } from '../../platform/rpc/reflection.ts';
import { createServer } from '../../platform/rpc/server.ts';
import { createTelemetry } from '../../platform/telemetry/telemetry.ts';
import { authenticateCallers } from './callers.ts';
import { configSpec } from './config.ts';
import { followOrders } from './coordinator.ts';
import { productEvents } from './events.ts';
import { keepHouse } from './housekeeping.ts';
import { routes } from './routes.ts';

const config = loadConfig(configSpec);
const { HOST: host, DRAIN_TIMEOUT_MS: drainTimeoutMs } = config;
const telemetry = createTelemetry('product', config);
const { log, metrics } = telemetry;

await run({ log, drainTimeoutMs }, async (app) => {
  await telemetry.start(app);
  const database = connect(config, log, metrics.registry);
  app.onStop(() => database.close());
  await migrate(database.sql, new URL('./migrations/', import.meta.url), log);
  const { authenticate, close } = authenticateCallers(config, metrics);
  app.onStop(close);
  const participant = createParticipantMetrics(metrics.registry);
  const events = productEvents(config, database.sql, log, metrics);
  app.onStop(() => events.stop());
  const implementations = routes(database.sql, events, participant);
  const [descriptorSet, health] = [contractsDescriptorSet(), () => database.ping()];
  const server = createServer({ implementations, authenticate, descriptorSet, health, log, metrics });
  app.onDrain(() => server.drain(drainTimeoutMs));
  events.start(app.stopping);
  await server.listen(host, config.PORT);
  void followOrders(config, database.sql, { ...metrics, ...participant }, log, app.stopping);
  void keepHouse(database.sql, log, app.stopping);
});
