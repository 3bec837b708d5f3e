import { linesKey, type RequestRecord, type Wanted } from './given.ts';
import type { Invariant } from './invariant.ts';

interface Row {
  readonly id: string;
  readonly request: string;
  readonly state: string;
  readonly lines: readonly Wanted[];
}

/** What clients were told has stayed true. */
export const repliesTrue: Invariant = {
  name: 'each reply agrees with the final state',
  async violations({ order }, { requests = [] }) {
    const { rows } = await order.query<Row>(
      `select id, request_id as request, state, lines from orders where request_id = any ($1::uuid[])`,
      [requests.map(({ requestId }) => requestId)],
    );
    const orders = new Map(rows.map((row) => [row.request, row]));
    return requests.flatMap((record) => {
      const wrong = contradiction(record, orders.get(record.requestId));
      return wrong === undefined
        ? []
        : [`${wrong}: told ${JSON.stringify(record)}, found ${JSON.stringify(orders.get(record.requestId))}`];
    });
  },
};

function contradiction(told: RequestRecord, found: Row | undefined): string | undefined {
  if (told.creation === 'unknown') return undefined;
  if (told.creation === 'refused') {
    return found === undefined || found.state === 'REJECTED' ? undefined : 'refused, and yet there';
  }
  if (found === undefined || found.id !== told.orderId) return 'placed, and lost';
  const states = { yes: ['CANCELLED'], maybe: ['PLACED', 'CANCELLED'], no: ['PLACED'] }[told.cancelled];
  if (!states.includes(found.state)) return 'in another state';
  const possible = told.lines.map(linesKey);
  return possible.includes(linesKey(found.lines)) ? undefined : 'with other lines';
}
