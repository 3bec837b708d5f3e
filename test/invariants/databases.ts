import pg from 'pg';
import type { Shop } from '../../mesh/local/shop.ts';

/** A connection to each service's database, as its own role. */
export interface Databases {
  readonly user: pg.Client;
  readonly product: pg.Client;
  readonly order: pg.Client;
}

/** Connects to the three databases, and closes them when `work` is done. */
export async function withDatabases<T>(
  shop: Pick<Shop, 'databaseUrl'>,
  work: (databases: Databases) => Promise<T>,
): Promise<T> {
  const open = (service: string) => {
    const client = new pg.Client({ connectionString: shop.databaseUrl(service) });
    // The connection may be lost while it is idle; the next query then fails.
    client.on('error', () => {});
    return client;
  };
  const databases = { user: open('user'), product: open('product'), order: open('order') };
  const clients = Object.values(databases);
  try {
    await Promise.all(clients.map((client) => client.connect()));
    return await work(databases);
  } finally {
    await Promise.allSettled(clients.map((client) => client.end()));
  }
}
