import type { Invariant } from './invariant.ts';

/** However often a request was repeated, it made one order; and no order came of nothing. */
export const oneOrderPerRequest: Invariant = {
  name: 'each order that took effect is of one request, and the only one',
  async violations({ order }, { requests, credit }) {
    const { rows } = await order.query<{ id: string; request: string | null; user: string; state: string }>(
      `select id, request_id as request, user_id as "user", state from orders
       where state in ('PENDING', 'PLACED', 'CANCELLED')`,
    );
    const found: string[] = [];
    const sent = requests && new Map(requests.map((record) => [record.requestId, record.userId]));
    const seen = new Set<string>();
    for (const row of rows) {
      if (row.request === null) found.push(`without a request: ${JSON.stringify(row)}`);
      else if (seen.has(row.request)) found.push(`the second of its request: ${JSON.stringify(row)}`);
      // Others may have ordered, of whom no account was kept.
      else if (sent && credit.has(row.user) && sent.get(row.request) !== row.user)
        found.push(`nobody asked for it: ${JSON.stringify(row)}`);
      if (row.request !== null) seen.add(row.request);
    }
    return found;
  },
};
