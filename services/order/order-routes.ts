import type { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { createPageTokens } from '../../platform/paging/page-token.ts';
import { type Context, requireUser } from '../../platform/rpc/context.ts';
import type { Routes } from '../../platform/rpc/routes.ts';
import { formatTraceparent } from '../../platform/telemetry/trace.ts';
import { toChangeMessage, toOrderMessage, toOrderStates } from './order-messages.ts';
import { readVisible, type Viewer } from './transactions/access.ts';
import type { UseCases } from './use-cases.ts';
import { watchOrder } from './watch-order.ts';

const DEFAULT_PAGE_SIZE = 50;
const pageTokens = createPageTokens('shop.order.v1.ListOrders', ['uuid']);

/** The methods about orders. */
export function orderRoutes(
  cases: UseCases,
): Omit<Routes<typeof OrderService>, 'getTransaction' | 'listTransactions' | 'retryTransaction'> {
  return {
    async createOrder({ requestId, lines }, context) {
      const { userId } = requireUser(context);
      const { deadline } = context;
      const call = { userId, requestId, lines, deadline, traceparent: formatTraceparent(context.trace) };
      const order = await cases.createOrder(call);
      return { order: toOrderMessage(order) };
    },

    async updateOrder({ orderId, etag, lines }, context) {
      const order = await cases.updateOrder({ ...callerOf(context), orderId, etag, lines });
      return { order: toOrderMessage(order) };
    },

    async cancelOrder({ orderId, etag }, context) {
      const order = await cases.cancelOrder({ ...callerOf(context), orderId, etag });
      return { order: toOrderMessage(order) };
    },

    async deleteOrder({ orderId }, context) {
      await cases.deleteOrder({ ...callerOf(context), orderId });
      return {};
    },

    async getOrder({ orderId }, context) {
      return { order: toOrderMessage(await readVisible(cases.views, viewerOf(context), orderId)) };
    },

    async listOrders(request, context) {
      const viewer = viewerOf(context);
      const asked = request.userId.toLowerCase();
      const filter = { userId: asked, states: request.states.toSorted((a, b) => a - b), viewer };
      const before = request.pageToken === '' ? [] : pageTokens.decode(filter, request.pageToken);
      if (!viewer.admin && asked !== '' && asked !== viewer.userId) return { orders: [] };

      const limit = request.pageSize || DEFAULT_PAGE_SIZE;
      const rows = await cases.views.list({
        userId: viewer.admin ? asked || undefined : viewer.userId,
        states: toOrderStates(request.states),
        before: before[0],
        limit: limit + 1,
      });
      const orders = rows.slice(0, limit);
      const last = rows.length > limit ? orders.at(-1) : undefined;
      return {
        orders: orders.map(toOrderMessage),
        nextPageToken: last === undefined ? '' : pageTokens.encode(filter, [last.id]),
      };
    },

    async *watchOrder({ orderId, afterVersion }, context) {
      const { signal } = context;
      const changes = watchOrder(cases, { viewer: viewerOf(context), orderId, afterVersion, signal });
      for await (const change of changes) yield { change: toChangeMessage(change) };
    },
  };
}

function viewerOf(context: Context): Viewer {
  const { userId, role } = requireUser(context);
  return { userId, admin: role === 'admin' };
}

const callerOf = (context: Context) => ({
  viewer: viewerOf(context),
  traceparent: formatTraceparent(context.trace),
});
