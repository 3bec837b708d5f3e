import { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import type { Sql } from '../../platform/db/database.ts';
import { type Implementation, implement } from '../../platform/rpc/routes.ts';
import { orderRoutes } from './order-routes.ts';
import { transactionRoutes } from './transaction-routes.ts';
import type { UseCases } from './use-cases.ts';

/** OrderService with all its methods. */
export const orderService = (sql: Sql, cases: UseCases): Implementation =>
  implement(OrderService, { ...orderRoutes(sql, cases), ...transactionRoutes(cases) });
