/**
 * Is told of each change of an order after its commit, so that those that watch the order and those that follow the
 * events can be woken. Never throws, and nobody waits for it.
 */
export type Announce = (orderId: string) => void;
