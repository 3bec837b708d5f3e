import { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import { createTokenVerifier } from '../../platform/auth/access-token.ts';
import { type Authenticate, createAuthenticate } from '../../platform/auth/authenticate.ts';
import { remoteKeys } from '../../platform/auth/keys.ts';
import { createClient } from '../../platform/rpc/client.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';

/** Tells who calls: users by the keys that the user service lists, services by their secrets. */
export function authenticateCallers(
  config: {
    readonly USER_ADDRESS: string;
    readonly SERVICE_TOKENS: ReadonlyMap<string, string>;
    readonly SIDECAR_SECRET: string;
  },
  metrics: Pick<Metrics, 'clientCalls'>,
): { authenticate: Authenticate; close(): void } {
  const users = createClient(UserService, { address: config.USER_ADDRESS, durations: metrics.clientCalls });
  const keys = remoteKeys(async () => (await users.listSigningKeys({})).keys);
  const verifier = createTokenVerifier({ keys });
  return {
    authenticate: createAuthenticate({
      verifier,
      serviceTokens: config.SERVICE_TOKENS,
      sidecarSecret: config.SIDECAR_SECRET,
    }),
    close: users.close,
  };
}
