import { loadConfig } from '../../platform/config/config.ts';
import { connect } from '../../platform/db/database.ts';
import { migrate } from '../../platform/db/migrate.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { seedConfigSpec } from './config.ts';
import { seedCatalogue } from './seed-catalogue.ts';
import { insertMissingProducts } from './seed-store.ts';

const PRODUCTS = 1_000;

const { DATABASE_URL } = loadConfig(seedConfigSpec);
const log = createLogger({ service: 'product', instance: 'product-seed', level: 'warn' });
const database = connect({ DATABASE_URL, DATABASE_POOL_SIZE: 1, INSTANCE: 'product-seed' }, log);
try {
  await migrate(database.sql, new URL('./migrations/', import.meta.url), log);
  const added = await insertMissingProducts(database.sql, seedCatalogue(PRODUCTS));
  const rest = added < PRODUCTS ? `; ${PRODUCTS - added} were there before` : '';
  process.stdout.write(`Added ${added} products with their stock${rest}.\n`);
} finally {
  await database.close();
}
