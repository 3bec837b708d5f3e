import type pg from 'pg';
import { CUSTOMERS, PRODUCTS } from './fixture.ts';

// Orders as if they had been placed, one piece each, in the three databases: what they sold, spent and left in the
// barriers and ledgers adds up with stock and wallets.

/** So many orders in one statement. */
const CHUNK = 100_000;

/** UUIDs of version 7, one for each number: as old as they are small. */
const uuid = (kind: '7000' | '7001') =>
  `(lpad(to_hex(1700000000000 + n), 12, '0') || '${kind}8000' || lpad(to_hex(n), 12, '0'))::uuid`;
const TRANSACTION = uuid('7000');
const ORDER = uuid('7001');
const nth = (of: number) => `('00000000-0000-7000-8000-' || lpad((n % ${of} + 1)::text, 12, '0'))::uuid`;
const CUSTOMER = nth(CUSTOMERS);
const PRODUCT = nth(PRODUCTS);

/** Runs the statements for n from 1 to `count`, then brings the planner up to date. */
async function fill(client: pg.Client, count: number, statements: readonly string[]): Promise<void> {
  for (let first = 1; first <= count; first += CHUNK) {
    const numbers = `generate_series(${first}, ${Math.min(count, first + CHUNK - 1)}) n`;
    for (const statement of statements) await client.query(`${statement} from ${numbers}`);
  }
  await client.query('vacuum analyze');
}

/** The order service's part. */
export function fillOrders(client: pg.Client, count: number): Promise<void> {
  return fill(client, count, [
    `insert into orders (id, user_id, request_id, fingerprint, state, version, lines, currency, total)
      select ${ORDER}, ${CUSTOMER}, ${TRANSACTION}, sha256(int8send(n)), 'PLACED', 2,
        jsonb_build_array(jsonb_build_object(
          'productId', ${PRODUCT}, 'productName', 'Lamp', 'unitPrice', 100, 'quantity', 1)), 'EUR', 100`,
    `insert into order_changes (order_id, version, state, currency, total) select ${ORDER}, 1, 'PENDING', 'EUR', 100`,
    `insert into order_changes (order_id, version, state, currency, total) select ${ORDER}, 2, 'PLACED', 'EUR', 100`,
    `insert into transactions (id, kind, entity_id, state, lease_until, attempts, open)
      select ${TRANSACTION}, 'create-order', ${ORDER}, 'COMMITTED', now(), 4, false`,
  ]);
}

/** The product service's part. */
export async function fillStock(client: pg.Client, count: number): Promise<void> {
  await fill(client, count, [
    `insert into branches (transaction_id, branch_id, kind, state, product_ids, quantities)
      select ${TRANSACTION}, 'stock', 'reserve', 'CONFIRMED', array[${PRODUCT}], array[1]`,
  ]);
  await client.query(`
    update stock s set available = available - moved.pieces, sold = sold + moved.pieces
      from (select ${PRODUCT} as product_id, count(*) as pieces from generate_series(1, ${count}) n group by 1) moved
      where s.product_id = moved.product_id`);
}

/** The user service's part. The ledger's trigger changes the wallets. */
export function fillWallets(client: pg.Client, count: number): Promise<void> {
  const entry = (kind: string, available: number, held: number) =>
    `insert into ledger_entries (user_id, currency, kind, available, held, transaction_id, branch_id)
      select ${CUSTOMER}, 'EUR', '${kind}', ${available}, ${held}, ${TRANSACTION}, 'wallet'`;
  return fill(client, count, [
    `insert into branches (transaction_id, branch_id, kind, state, user_id, currency, amount)
      select ${TRANSACTION}, 'wallet', 'hold', 'CONFIRMED', ${CUSTOMER}, 'EUR', 100`,
    entry('hold', -100, 100),
    entry('confirm', 0, -100),
  ]);
}
