import type { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { fail } from '../../platform/errors.ts';
import { createPageTokens } from '../../platform/paging/page-token.ts';
import type { Routes } from '../../platform/rpc/routes.ts';
import { toTransactionMessage, toTransactionStates } from './order-messages.ts';
import type { UseCases } from './use-cases.ts';

const DEFAULT_PAGE_SIZE = 50;
const pageTokens = createPageTokens('shop.order.v1.ListTransactions', ['uuid']);

/** The methods with which an operator looks at distributed transactions. */
export function transactionRoutes({
  transactions,
  retryTransaction,
}: Pick<UseCases, 'transactions' | 'retryTransaction'>): Pick<
  Routes<typeof OrderService>,
  'getTransaction' | 'listTransactions' | 'retryTransaction'
> {
  async function read(transactionId: string) {
    const record = await transactions.get(transactionId);
    if (record === undefined)
      throw fail('NOT_FOUND', 'TRANSACTION_NOT_FOUND', 'There is no such transaction.');
    return { transaction: toTransactionMessage(record) };
  }

  return {
    getTransaction: ({ transactionId }) => read(transactionId),

    async retryTransaction({ transactionId }) {
      await retryTransaction(transactionId);
      return read(transactionId);
    },

    async listTransactions({ orderId, states, pageSize, pageToken }) {
      const filter = { orderId: orderId.toLowerCase(), states: states.toSorted((a, b) => a - b) };
      const [before] = pageToken === '' ? [] : pageTokens.decode(filter, pageToken);
      const limit = pageSize || DEFAULT_PAGE_SIZE;
      const rows = await transactions.list({
        ...(orderId !== '' && { entityId: orderId }),
        states: toTransactionStates(states),
        ...(before !== undefined && { before }),
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const last = rows.length > limit ? page.at(-1) : undefined;
      return {
        transactions: page.map(toTransactionMessage),
        nextPageToken: last === undefined ? '' : pageTokens.encode(filter, [last.id]),
      };
    },
  };
}
