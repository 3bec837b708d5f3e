import { makeValidator } from 'envalid';
import { baseConfig } from '../../platform/config/config.ts';
import {
  address,
  count,
  databaseUrl,
  duration,
  secret,
  serviceTokens,
} from '../../platform/config/validators.ts';
import { normaliseEmail } from './user.ts';

const DAY_S = 86_400;

const emailAddress = makeValidator<string>((input) => {
  if (!/^[^\s@]+@[^\s@]+$/.test(input) || input.length > 254) throw new Error('must be an e-mail address');
  return normaliseEmail(input);
});

/** What the service reads of its environment. */
export const configSpec = {
  ...baseConfig('user'),
  ORDER_ADDRESS: address({ desc: 'gRPC target of the order service, which is asked about hanging holds' }),
  SERVICE_TOKEN: secret({ desc: 'secret with which this service proves its name to the others' }),
  SERVICE_TOKENS: serviceTokens({ desc: 'secrets of the services that may call: order=<secret>' }),
  TRY_TIMEOUT_S: duration({
    default: 30,
    desc: 'how long a hold may wait before the order service is asked',
  }),
  ACCESS_TOKEN_TTL_S: duration({ default: 300, desc: 'how long an access token is valid' }),
  REFRESH_TOKEN_TTL_S: duration({ default: 30 * DAY_S, desc: 'how long a refresh token is valid' }),
  SIGNING_KEY_ROTATION_S: duration({ default: 30 * DAY_S, desc: 'how long one key signs access tokens' }),
  SIGNING_KEY_SECRET: secret({ default: undefined, desc: 'seals the private signing keys in the database' }),
  PASSWORD_HASH_CONCURRENCY: count({
    default: 2,
    desc: 'password hashes computed at once; keep it below UV_THREADPOOL_SIZE (4), which signing needs too',
  }),
};

/** What the seed reads: it needs no port. */
export const seedConfigSpec = {
  DATABASE_URL: databaseUrl({ desc: 'postgres:// URL of the database of this service' }),
  ADMIN_EMAIL: emailAddress({ default: 'admin@souk.example', desc: 'address of the first admin' }),
};
