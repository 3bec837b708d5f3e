import { ProductEventService } from '@souk/contracts/shop/product/v1/product_event_service_pb.js';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { StockService } from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import type { Sql } from '../../platform/db/database.ts';
import type { Events } from '../../platform/events/events.ts';
import type { ParticipantMetrics } from '../../platform/participant/metrics.ts';
import { type Implementation, implement } from '../../platform/rpc/routes.ts';
import { productRoutes } from './product-routes.ts';
import { stockRoutes } from './stock-routes.ts';

/** The gRPC services of this process. */
export function routes(
  sql: Sql,
  events: Pick<Events, 'wake' | 'routes'>,
  metrics: ParticipantMetrics,
): Implementation[] {
  return [
    implement(ProductService, productRoutes(sql, events.wake)),
    implement(StockService, stockRoutes(sql, events.wake, metrics)),
    implement(ProductEventService, events.routes),
  ];
}
