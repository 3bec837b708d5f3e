import { loadConfig } from '../../platform/config/config.ts';
import { connect } from '../../platform/db/database.ts';
import { migrate } from '../../platform/db/migrate.ts';
import { run } from '../../platform/lifecycle/run.ts';
import { contractsDescriptorSet } from '../../platform/rpc/reflection.ts';
import { createServer } from '../../platform/rpc/server.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { createMetrics, serveMetrics } from '../../platform/telemetry/metrics.ts';
import { configSpec } from './config.ts';
import { keepHouse } from './housekeeping.ts';
import { createService } from './service.ts';
import { openKeysOf } from './signing-keys.ts';

const config = loadConfig(configSpec);
const log = createLogger({ service: 'user', instance: config.INSTANCE, level: config.LOG_LEVEL });

await run({ log, drainTimeoutMs: config.DRAIN_TIMEOUT_MS }, async (app) => {
  const database = connect(config, log);
  app.onStop(() => database.close());
  await migrate(database.sql, new URL('./migrations/', import.meta.url), log);
  const keys = await openKeysOf(config, database.sql, log);
  keepHouse(database.sql, keys, log, app.stopping);

  const metrics = createMetrics();
  if (config.METRICS_PORT > 0) {
    const endpoint = await serveMetrics(metrics.registry, config.HOST, config.METRICS_PORT);
    app.onStop(() => endpoint.close());
  }
  const server = createServer({
    ...createService(database.sql, keys, metrics.registry, config),
    descriptorSet: contractsDescriptorSet(),
    health: () => database.ping(),
    log,
    metrics,
  });
  app.onDrain(() => server.drain(config.DRAIN_TIMEOUT_MS));
  await server.listen(config.HOST, config.PORT);
});
