import { registerHooks } from 'node:module';
import { serviceOfInstance } from '../config.ts';

// A service as it is, but that product doesn't count sales: so nobody reads the order service's events.
registerHooks({
  resolve: (specifier, context, next) =>
    next(
      specifier === './subscriptions.ts' && context.parentURL?.includes('/services/product/')
        ? new URL('no-subscriptions.ts', import.meta.url).href
        : specifier,
      context,
    ),
});
await import(new URL(`../../services/${serviceOfInstance()}/main.ts`, import.meta.url).href);
