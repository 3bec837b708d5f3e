import { registerHooks } from 'node:module';
import { serviceOfInstance } from './config.ts';

// A service that gathers nothing: each call and statement goes by itself. What coalescing costs or brings is measured
// against it.
registerHooks({
  resolve: (specifier, context, next) =>
    next(
      specifier.endsWith('/departures.ts')
        ? new URL('uncoalesced-departures.ts', import.meta.url).href
        : specifier,
      context,
    ),
});
await import(new URL(`../services/${serviceOfInstance()}/main.ts`, import.meta.url).href);
