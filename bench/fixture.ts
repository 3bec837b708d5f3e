import type pg from 'pg';

/** As many customers, each with a wallet of their own, and products as the benchmarks take turns with. */
export const CUSTOMERS = 1_000;
export const PRODUCTS = 1_000;
/** What there is of each product, and in each wallet in minor units: more than is ever sold and spent. */
export const PIECES = 10 ** 12;
export const CREDIT = 10 ** 15;

/** The id of the n-th customer or product, from 1. */
export const idOf = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;

const id = (n: string) => `('00000000-0000-7000-8000-' || lpad(${n}::text, 12, '0'))::uuid`;

/** Adds the products to the product service's database. */
export async function addProducts(client: pg.Client): Promise<void> {
  await client.query(`
    insert into products (id, name, name_key, description, price, currency)
      select ${id('n')}, 'Lamp ' || n, 'lamp ' || n, repeat('A lamp of oiled walnut with a brass arm. ', 4), 100, 'EUR'
      from generate_series(1, ${PRODUCTS}) n;
    insert into stock (product_id, available) select ${id('n')}, ${PIECES} from generate_series(1, ${PRODUCTS}) n;
    insert into sales (product_id) select ${id('n')} from generate_series(1, ${PRODUCTS}) n`);
}

/** Adds the customers to the user service's database. */
export async function addCustomers(client: pg.Client): Promise<void> {
  await client.query(`
    insert into users (id, email, display_name, password_hash, role)
      select ${id('n')}, n || '@example.com', 'Ada', 'none', 'customer' from generate_series(1, ${CUSTOMERS}) n;
    insert into wallets (user_id, currency) select ${id('n')}, 'EUR' from generate_series(1, ${CUSTOMERS}) n;
    insert into ledger_entries (user_id, currency, kind, available, held, granted_by)
      select ${id('n')}, 'EUR', 'grant', ${CREDIT}, 0, ${id('1')} from generate_series(1, ${CUSTOMERS}) n`);
}
