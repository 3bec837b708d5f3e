import type { Defence } from '../../../platform/transaction/model/defences.ts';
import type { Scenario } from './scenario.ts';
import { simulate } from './simulate.ts';

// node services/order/model/replay.ts '<scenario as JSON>' [missing defence …]: tells one history.

const [scenario, ...without] = process.argv.slice(2);
const { world, notes, violations } = await simulate(
  JSON.parse(scenario ?? '{}') as Scenario,
  new Set(without as Defence[]),
);
const print = (title: string, rows: readonly unknown[]) => {
  console.log(`\n${title}`);
  for (const row of rows) console.log(`  ${typeof row === 'string' ? row : plain(row)}`);
};
const plain = (value: unknown) =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner));

print('what replicas said', world.said);
print('orders, version by version', world.tables.history);
print('transactions', [...world.log.rows.values()]);
print('replies', notes.replies);
print('stock', [...world.stock.holdings]);
print('wallets', [...world.wallets.holdings]);
print('violations', violations);
