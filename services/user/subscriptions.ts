import type { Subscription } from '../../platform/events/consumer/subscription.ts';

/** None: accounts, sessions and wallets need nothing of what other services know. */
export const subscriptions: readonly Subscription[] = [];
