import { baseConfig } from '../../platform/config/config.ts';
import { address, databaseUrl, duration, secret, serviceTokens } from '../../platform/config/validators.ts';

/** What the service reads of its environment. */
export const configSpec = {
  ...baseConfig('product'),
  USER_ADDRESS: address({ desc: 'gRPC target of the user service, which lists the keys of access tokens' }),
  ORDER_ADDRESS: address({
    desc: 'gRPC target of the order service, which is asked about hanging reservations and tells what is sold',
  }),
  SERVICE_TOKEN: secret({ desc: 'secret with which this service proves its name to the others' }),
  SERVICE_TOKENS: serviceTokens({ desc: 'secrets of the services that may call: order=<secret>' }),
  TRY_TIMEOUT_S: duration({
    default: 30,
    desc: 'how long a reservation may wait before the order service is asked',
  }),
};

/** What the seed reads: it needs no port. */
export const seedConfigSpec = {
  DATABASE_URL: databaseUrl({ desc: 'postgres:// URL of the database of this service' }),
};
