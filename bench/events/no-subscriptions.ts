import type { Subscription } from '../../platform/events/consumer/subscription.ts';

/** In place of the product service's: it follows nobody. */
export const subscriptions: readonly Subscription[] = [];
