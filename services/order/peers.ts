import { ProductEventService } from '@souk/contracts/shop/product/v1/product_event_service_pb.js';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { StockService } from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import { UserEventService } from '@souk/contracts/shop/user/v1/user_event_service_pb.js';
import { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import { WalletService } from '@souk/contracts/shop/user/v1/wallet_service_pb.js';
import { createTokenVerifier } from '../../platform/auth/access-token.ts';
import { type Authenticate, createAuthenticate } from '../../platform/auth/authenticate.ts';
import { remoteKeys } from '../../platform/auth/keys.ts';
import { createClient } from '../../platform/rpc/client.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { createDisplayNames } from './clients/display-names.ts';
import { createProducts } from './clients/products.ts';
import { createStock } from './clients/stock.ts';
import { createWallet } from './clients/wallet.ts';
import type { Peers } from './use-cases.ts';

/** Where the peers are, and how this service proves who it is. */
export interface PeerConfig {
  readonly USER_ADDRESS: string;
  readonly PRODUCT_ADDRESS: string;
  readonly SERVICE_TOKEN: string;
  readonly SERVICE_TOKENS: ReadonlyMap<string, string>;
  readonly SIDECAR_SECRET: string;
}

/** The peers over the network. Callers are authenticated with the keys that the user service lists. */
export function connectPeers(
  config: PeerConfig,
  metrics: Pick<Metrics, 'clientCalls'>,
): Peers & { authenticate: Authenticate; close(): void } {
  const self = { serviceName: 'order', serviceToken: config.SERVICE_TOKEN, durations: metrics.clientCalls };
  const products = createClient(ProductService, { address: config.PRODUCT_ADDRESS, ...self });
  const stock = createClient(StockService, { address: config.PRODUCT_ADDRESS, ...self });
  const wallet = createClient(WalletService, { address: config.USER_ADDRESS, ...self });
  const users = createClient(UserService, { address: config.USER_ADDRESS, ...self });
  const userEvents = createClient(UserEventService, { address: config.USER_ADDRESS, ...self });
  const productEvents = createClient(ProductEventService, { address: config.PRODUCT_ADDRESS, ...self });
  const keys = remoteKeys(async () => (await users.listSigningKeys({})).keys);
  return {
    products: createProducts(products),
    stock: createStock(stock),
    wallet: createWallet(wallet),
    displayNames: createDisplayNames(users),
    eventSources: { user: userEvents, product: productEvents },
    authenticate: createAuthenticate({
      verifier: createTokenVerifier({ keys }),
      serviceTokens: config.SERVICE_TOKENS,
      sidecarSecret: config.SIDECAR_SECRET,
    }),
    close: () => {
      for (const client of [products, stock, wallet, users, userEvents, productEvents]) client.close();
    },
  };
}
