import { UserEventService } from '@souk/contracts/shop/user/v1/user_event_service_pb.js';
import { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import { WalletService } from '@souk/contracts/shop/user/v1/wallet_service_pb.js';
import { createTokenVerifier } from '../../platform/auth/access-token.ts';
import { type Authenticate, createAuthenticate } from '../../platform/auth/authenticate.ts';
import { remoteKeys } from '../../platform/auth/keys.ts';
import type { Sql } from '../../platform/db/database.ts';
import type { Events } from '../../platform/events/events.ts';
import { type Implementation, implement } from '../../platform/rpc/routes.ts';
import { createAccessTokenIssuer } from './access-token-issuer.ts';
import { createAccounts } from './accounts.ts';
import { createLoginThrottle } from './login-throttle.ts';
import type { UserMetrics } from './metrics.ts';
import { createPasswordHasher } from './password-hasher.ts';
import { createSessions } from './session.ts';
import type { SigningKeys } from './signing-keys.ts';
import { userRoutes } from './user-routes.ts';
import { createWallets } from './wallet.ts';
import { walletRoutes } from './wallet-routes.ts';

/** The settings that the service's parts are made with. */
export interface ServiceSettings {
  readonly SERVICE_TOKENS: ReadonlyMap<string, string>;
  readonly SIDECAR_SECRET: string;
  readonly ACCESS_TOKEN_TTL_S: number;
  readonly REFRESH_TOKEN_TTL_S: number;
  readonly PASSWORD_HASH_CONCURRENCY: number;
}

/** Puts the service's parts together: accounts, sessions, wallets and events on one database, and who may call. */
export function createService(
  sql: Sql,
  events: Pick<Events, 'wake' | 'routes'>,
  keys: SigningKeys,
  metrics: UserMetrics,
  settings: ServiceSettings,
): { implementations: Implementation[]; authenticate: Authenticate } {
  const hasher = createPasswordHasher({
    concurrency: settings.PASSWORD_HASH_CONCURRENCY,
    onHash: (seconds) => metrics.passwordHashes.observe(seconds),
  });
  const accounts = createAccounts({ sql, hasher, wake: events.wake });
  const sessions = createSessions({
    sql,
    hasher,
    throttle: createLoginThrottle(sql),
    issuer: createAccessTokenIssuer(keys, settings.ACCESS_TOKEN_TTL_S),
    refreshTokenTtlS: settings.REFRESH_TOKEN_TTL_S,
  });
  const verifier = createTokenVerifier({ keys: remoteKeys(() => keys.list()) });
  return {
    implementations: [
      implement(UserService, userRoutes(accounts, sessions, keys)),
      implement(WalletService, walletRoutes(sql, createWallets(sql, events.wake), metrics)),
      implement(UserEventService, events.routes),
    ],
    authenticate: createAuthenticate({
      verifier,
      serviceTokens: settings.SERVICE_TOKENS,
      sidecarSecret: settings.SIDECAR_SECRET,
    }),
  };
}
