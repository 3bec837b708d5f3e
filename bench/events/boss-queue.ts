/** The peer's queue. */
export const QUEUE = 'products';
