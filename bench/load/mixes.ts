import {
  browse,
  buy,
  type Customer,
  checkOut,
  grab,
  logInAndBuy,
  registerAndBuy,
  type Session,
  type SessionContext,
} from './sessions.ts';

/** What people do: look around, all that a shop is for, only order, or all want the same thing. */
export const MIXES = ['shop', 'browse', 'checkout', 'hot'] as const;
export type Mix = (typeof MIXES)[number];

type Kind = (context: SessionContext, customer: Customer) => Session;

/**
 * Of 100 sessions so many of each kind. In `shop` one call in about sixty is a registration or a login: a password costs
 * a core 15 to 25 ms, and most people are signed in already.
 */
const KINDS: Readonly<Record<Mix, readonly (readonly [number, Kind])[]>> = {
  shop: [
    [60, browse],
    [32, buy],
    [6, logInAndBuy],
    [2, registerAndBuy],
  ],
  browse: [[100, browse]],
  checkout: [[100, checkOut]],
  hot: [[100, grab]],
};

/** Begins a session of a mix. */
export function beginSession(mix: Mix, context: SessionContext): Session {
  const { random, world } = context;
  const draw = random.integer(1, 100);
  let reached = 0;
  for (const [share, kind] of KINDS[mix]) {
    reached += share;
    if (draw <= reached) return kind(context, random.pick(world.customers));
  }
  throw new Error(`the shares of ${mix} are not 100`);
}
