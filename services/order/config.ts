import { baseConfig } from '../../platform/config/config.ts';
import { address, secret, serviceTokens } from '../../platform/config/validators.ts';

/** The environment of the order service. */
export const configSpec = {
  ...baseConfig('order'),
  USER_ADDRESS: address({ desc: 'gRPC target of the user service' }),
  PRODUCT_ADDRESS: address({ desc: 'gRPC target of the product service' }),
  SERVICE_TOKENS: serviceTokens({
    desc: 'secrets of the services that may call: product=<secret>,user=<secret>',
  }),
  SERVICE_TOKEN: secret({ desc: 'secret with which this service proves its name to the others' }),
};
