import { type Budgets, readBudgets } from './budgets.ts';
import type { LoadConfig } from './config.ts';
import { type Environment, environmentOf } from './environment.ts';
import { checkShop, type InvariantResult, piecesOf } from './invariants.ts';
import type { Display } from './live.ts';
import type { BookContents } from './order-book.ts';
import { prepare } from './prepare.ts';
import { findShop, type RunningShop } from './running-shop.ts';
import type { World } from './sessions.ts';

/** A running shop that is prepared for a load. */
export interface Target {
  readonly shop: RunningShop;
  readonly world: World;
  readonly environment: Environment;
  readonly budgets: Budgets;
  /** Checks that the shop adds up and holds what its clients were told, in all runs together. */
  check(books: readonly BookContents[]): Promise<InvariantResult>;
}

/** Finds the shop that runs and puts in what a load needs. Throws a Cure where there is none. */
export async function openTarget(config: LoadConfig, display: Display): Promise<Target> {
  const budgets = readBudgets(config.budgets);
  const shop = findShop();
  const world = await prepare(shop, (what) => display.now(`Preparing ${what}`));
  const stock = await piecesOf(shop, world);
  return {
    ...{ shop, world, budgets, environment: environmentOf(shop) },
    async check(books) {
      const began = performance.now();
      const tell = () => {
        const seconds = ((performance.now() - began) / 1_000).toFixed(0);
        display.now(`Checking invariants, once nothing is under way: ${seconds} s`);
      };
      tell();
      const telling = setInterval(tell, 1_000);
      try {
        return await checkShop(shop, world, stock, {
          requests: books.flatMap(({ requests }) => requests),
          credit: new Map(books.flatMap(({ credit }) => [...credit])),
        });
      } finally {
        clearInterval(telling);
        display.now('');
      }
    },
  };
}
