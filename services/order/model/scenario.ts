import type { Arbitrary } from 'fast-check';
import * as fc from 'fast-check';
import type { ProcessFault, Weather } from '../../../platform/transaction/model/process.ts';

/** What a customer does with an order that was placed. */
export interface Follow {
  readonly kind: 'update' | 'cancel' | 'delete';
  /** How long after the reply, in milliseconds. */
  readonly after: number;
  /** Of each product, for an update. */
  readonly quantities: readonly number[];
}

/** What one customer does. */
export interface Errand {
  readonly at: number;
  readonly quantities: readonly number[];
  /** The same request is sent to both replicas. */
  readonly twice: boolean;
  readonly follows: readonly Follow[];
}

/** When a customer's account is deleted. */
export interface Deletion {
  /** Which of the customers; beyond their number: none. */
  readonly customer: number;
  readonly at: number;
  /** How long it takes until the service hears of it, at the least. */
  readonly heardAfter: number;
}

/** One history, but for the numbers that the seed gives. */
export interface Scenario {
  readonly seed: number;
  /** Whether participants ask about branches that hang. */
  readonly inquiry: boolean;
  readonly weather: Weather;
  /** For each of the two replicas. */
  readonly faults: readonly (readonly ProcessFault[])[];
  /** Pieces of each product. */
  readonly pieces: readonly number[];
  /** Credit of each customer. */
  readonly credit: number;
  readonly errands: readonly Errand[];
  readonly deletions: readonly Deletion[];
  /** When an operator has all open transactions retried, in milliseconds. */
  readonly retries: readonly number[];
}

/** When loss, slowness and failures end, so that the world can come to rest. */
const FAULTS_END_MS = 20_000;
/** As many operations as a replica makes in a history of this size. */
const MAX_OPERATION = 40;

const quantities = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 2 }));
const percent = (...values: number[]) => fc.constantFrom(0, ...values);

const fault: Arbitrary<ProcessFault> = fc.record({
  operation: fc.nat(MAX_OPERATION),
  kind: fc.constantFrom('crash before' as const, 'crash after' as const, 'pause' as const),
  // Often just longer than a lease, so that a process comes back while another takes over.
  ms: fc.oneof(fc.nat(1_000), fc.integer({ min: 5_500, max: 9_000 }), fc.nat(20_000)),
});

const follow: Arbitrary<Follow> = fc.record({
  kind: fc.constantFrom(
    'update' as const,
    'update' as const,
    'update' as const,
    'cancel' as const,
    'delete' as const,
  ),
  after: fc.constantFrom(0, 0, 5, 20, 3_000),
  quantities,
});

const errand: Arbitrary<Errand> = fc.record({
  at: fc.constantFrom(0, 2, 10, 1_000),
  quantities,
  twice: fc.boolean(),
  // Mostly some: without them nothing but the placement runs.
  follows: fc.oneof(
    { weight: 4, arbitrary: fc.array(follow, { minLength: 1, maxLength: 2 }) },
    fc.constant([]),
  ),
});

const deletion: Arbitrary<Deletion> = fc.record({
  customer: fc.nat(2),
  // While the order is being placed, while it is being changed, and after all that.
  at: fc.constantFrom(0, 5, 10, 20, 30, 1_010, 3_000),
  heardAfter: fc.constantFrom(0, 5, 10, 1_000),
});

/** Histories in which everything goes wrong that can, and some in which nothing does. */
export const scenarios: Arbitrary<Scenario> = fc.record({
  seed: fc.noShrink(fc.integer()),
  inquiry: fc.boolean(),
  weather: fc.record({
    loss: percent(0, 10, 30),
    duplication: percent(0, 20, 50),
    slowness: percent(0, 10, 40),
    failure: percent(0, 10),
    untilMs: fc.constant(FAULTS_END_MS),
  }),
  faults: fc.tuple(fc.array(fault, { maxLength: 3 }), fc.array(fault, { maxLength: 3 })),
  pieces: fc.tuple(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 9 })),
  credit: fc.constantFrom(30, 100, 100),
  errands: fc.array(errand, { minLength: 1, maxLength: 3 }),
  deletions: fc.oneof(fc.constant([]), fc.array(deletion, { minLength: 1, maxLength: 2 })),
  retries: fc.array(fc.constantFrom(5, 30, 3_000, 9_000), { maxLength: 2 }),
});

/** Whether nothing goes wrong in it. */
export const isCalm = ({ weather, faults }: Scenario): boolean =>
  weather.loss + weather.slowness + weather.failure === 0 && faults.flat().length === 0;
