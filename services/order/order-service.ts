import { OrderEventService } from '@souk/contracts/shop/order/v1/order_event_service_pb.js';
import { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { type Implementation, implement } from '../../platform/rpc/routes.ts';
import { orderRoutes } from './order-routes.ts';
import { transactionRoutes } from './transaction-routes.ts';
import type { UseCases } from './use-cases.ts';

/** What the process serves: OrderService, and what it publishes. */
export const orderServices = (cases: UseCases): Implementation[] => [
  implement(OrderService, { ...orderRoutes(cases), ...transactionRoutes(cases) }),
  implement(OrderEventService, cases.events.routes),
];
