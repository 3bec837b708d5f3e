import { loadConfig } from '../../platform/config/config.ts';
import { connect } from '../../platform/db/database.ts';
import { migrate } from '../../platform/db/migrate.ts';
import { run } from '../../platform/lifecycle/run.ts';
import { contractsDescriptorSet } from '../../platform/rpc/reflection.ts';
import { createServer } from '../../platform/rpc/server.ts';
import { createTelemetry } from '../../platform/telemetry/telemetry.ts';
import { configSpec } from './config.ts';
import { orderServices } from './order-service.ts';
import { connectPeers } from './peers.ts';
import { createUseCases } from './use-cases.ts';

const config = loadConfig(configSpec);
const telemetry = createTelemetry('order', config);
const { log, metrics } = telemetry;

await run({ log, drainTimeoutMs: config.DRAIN_TIMEOUT_MS }, async (app) => {
  await telemetry.start(app);
  const database = connect(config, log, metrics.registry);
  app.onStop(() => database.close());
  await migrate(database.sql, new URL('./migrations/', import.meta.url), log);
  const { authenticate, ...peers } = connectPeers(config, metrics);
  app.onStop(() => peers.close());

  const cases = createUseCases(database.sql, peers, config, log, metrics.registry);
  cases.start(app.stopping);
  app.onStop(() => cases.stop());

  const implementations = orderServices(cases);
  const [descriptorSet, health] = [contractsDescriptorSet(), () => database.ping()];
  const server = createServer({ implementations, authenticate, descriptorSet, health, log, metrics });
  app.onDrain(() => server.drain(config.DRAIN_TIMEOUT_MS).then(() => cases.drain()));
  await server.listen(config.HOST, config.PORT);
});
