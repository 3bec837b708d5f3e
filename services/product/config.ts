import { baseConfig } from '../../platform/config/config.ts';
import { address, databaseUrl, serviceTokens } from '../../platform/config/validators.ts';

/** What the service reads of its environment. */
export const configSpec = {
  ...baseConfig('product'),
  USER_ADDRESS: address({ desc: 'gRPC target of the user service, which lists the keys of access tokens' }),
  SERVICE_TOKENS: serviceTokens({ desc: 'secrets of the services that may call: order=<secret>' }),
};

/** What the seed reads: it needs no port. */
export const seedConfigSpec = {
  DATABASE_URL: databaseUrl({ desc: 'postgres:// URL of the database of this service' }),
};
