import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { StockService } from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import type { Sql } from '../../platform/db/database.ts';
import type { ParticipantMetrics } from '../../platform/participant/metrics.ts';
import { type Implementation, implement } from '../../platform/rpc/routes.ts';
import { productRoutes } from './product-routes.ts';
import { stockRoutes } from './stock-routes.ts';

/** The gRPC services of this process. */
export function routes(sql: Sql, metrics: ParticipantMetrics): Implementation[] {
  return [implement(ProductService, productRoutes(sql)), implement(StockService, stockRoutes(sql, metrics))];
}
