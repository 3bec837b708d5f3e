import type { Databases } from '../invariants/databases.ts';
import type { Calls } from './traffic.ts';

/** The accounts and products that clients were told are made, and that aren't there; what they ordered is an invariant's. */
export async function lostOf({ accounts, products }: Calls, databases: Databases): Promise<string[]> {
  const lost = async (table: 'users' | 'products', told: readonly string[]) => {
    const database = table === 'users' ? databases.user : databases.product;
    const { rows } = await database.query<{ id: string }>(`select id from ${table}`);
    const there = new Set(rows.map(({ id }) => id));
    return told.filter((id) => !there.has(id)).map((id) => `${table}: ${id}`);
  };
  return [...(await lost('users', accounts)), ...(await lost('products', products))];
}
