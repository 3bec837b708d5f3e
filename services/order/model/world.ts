import { createBackground } from '../../../platform/transaction/background.ts';
import { Barrier } from '../../../platform/transaction/model/barrier.ts';
import type { Without } from '../../../platform/transaction/model/defences.ts';
import { logOf, MemoryLog } from '../../../platform/transaction/model/memory-log.ts';
import { type Operations, Process } from '../../../platform/transaction/model/process.ts';
import { Scheduler } from '../../../platform/transaction/model/scheduler.ts';
import { SILENT } from '../../../platform/transaction/observer.ts';
import type { Runtime } from '../../../platform/transaction/runtime.ts';
import type { Products } from '../clients/products.ts';
import { type Coordinator, createCoordinator } from '../transactions/coordinator.ts';
import { peersOf } from './participants.ts';
import type { Scenario } from './scenario.ts';
import { OrderTables, ordersOf, placementsOf } from './stores.ts';

const PRICES = [7n, 10n];
/** The products that there are. */
export const PRODUCTS = ['lamp', 'rug'] as const;

/** One life of a replica. */
interface Replica extends Coordinator {
  /** What it does when it hears that an account was deleted. */
  closeOrders(userId: string): Promise<void>;
}

/** All that is durable, and two replicas of the order service that work on it with the code that serves customers. */
export class World {
  readonly scheduler: Scheduler;
  readonly log: MemoryLog;
  readonly tables: OrderTables;
  readonly stock: Barrier;
  readonly wallets: Barrier;
  /** The living replicas by their places; undefined while one is down. */
  readonly replicas: (Replica | undefined)[] = [];
  /** What replicas had to say, for who looks into a history. */
  readonly said: string[] = [];
  readonly #scenario: Scenario;
  readonly #without: Without;
  #ids = 0;

  constructor(scenario: Scenario, without: Without) {
    this.#scenario = scenario;
    this.#without = without;
    this.scheduler = new Scheduler(scenario.seed);
    const clock = this.scheduler;
    this.log = new MemoryLog({ now: () => clock.now }, without);
    this.tables = new OrderTables(this.log, () => new Date(clock.now));
    this.stock = new Barrier('INSUFFICIENT_STOCK', without);
    this.wallets = new Barrier('INSUFFICIENT_CREDIT', without);
    for (const [index, product] of PRODUCTS.entries())
      this.stock.put(product, BigInt(scenario.pieces[index] ?? 0));
    for (const place of scenario.faults.keys()) this.#start(place, { count: 0 });
  }

  /** Nothing is under way, and nothing is left to do. */
  get atRest(): boolean {
    const { inquiry } = this.#scenario;
    const held = inquiry && (this.stock.holds || this.wallets.holds);
    return this.scheduler.quiet && !held && this.log.open.length === 0;
  }

  newId = (): string => `id-${String(++this.#ids).padStart(6, '0')}`;

  #start(place: number, operations: Operations): void {
    const { weather, faults, inquiry } = this.#scenario;
    const { scheduler, log, tables, newId } = this;
    const without = this.#without;
    const process = new Process(scheduler, weather, faults[place] ?? [], operations, (ms) => {
      this.replicas[place] = undefined;
      scheduler.after(ms, () => this.#start(place, operations));
    });
    const say = (facts: unknown, text?: string) =>
      void this.said.push(
        `${scheduler.now.toFixed(0)} ms, replica ${place}: ${text} ${JSON.stringify(facts)}`,
      );
    const logger = { info: say, warn: say, error: say } as unknown as Runtime['log'];
    const transactions = logOf(process, log, without);
    const confirmsFirst = !without.has('confirm before give-back');
    const runtime: Runtime = {
      transactions: confirmsFirst ? transactions : { ...transactions, findCommitting: async () => undefined },
      background: createBackground(process.clock, logger),
      clock: process.clock,
      random: scheduler.random,
      newId,
      observer: SILENT,
      log: logger,
    };
    const products: Products = {
      offers: async (ids) =>
        new Map(
          ids.map((productId) => {
            const price = PRICES[PRODUCTS.indexOf(productId as 'lamp')] ?? 0n;
            return [productId, { productId, name: productId, currency: 'EUR', price }];
          }),
        ),
    };
    const coordinator = createCoordinator({
      ...peersOf(process, this, { scheduler, log, without, inquiry }),
      products,
      orders: ordersOf(process, tables, without),
      placements: placementsOf(process, tables, without),
      announce: () => {},
      runtime,
    });
    this.replicas[place] = {
      ...coordinator,
      async closeOrders(userId) {
        await process.write(() => tables.closeOrders(userId, newId, without));
        runtime.background.add(coordinator.recovery.finishOpen());
      },
    };
    if (!without.has('recovery')) void coordinator.recovery.run(process.stopping);
  }
}
