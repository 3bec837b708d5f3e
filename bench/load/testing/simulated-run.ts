import { type Random, seeded } from '../../../test/random.ts';
import { judge } from '../budgets.ts';
import type { LoadSettings } from '../config.ts';
import { allCalls, latencyOf, methodsOf, partsOf, type Report, SCHEMA, timelineOf } from '../report.ts';
import { arrivals } from '../schedule.ts';
import { createTally } from '../tally.ts';

/** A shop that is modelled: one queue, in which a call takes `serviceMs` on average, at random. */
export interface Model {
  readonly serviceMs: number;
  /** Calls that fail, of a hundred. */
  readonly failing?: number;
}

export const simulatedSettings: LoadSettings = {
  ...{ rate: 100, durationS: 20, warmUpS: 0, mix: 'shop', profile: 'steady', seed: 1 },
  ...{ retries: 3, generators: 1, outstanding: 2_000 },
};

export const simulatedBudgets = {
  measuredOn: 'a model',
  all: { errorRate: 0.001 },
  lateness: { p99Ms: 20 },
  methods: { GetProduct: { p99Ms: 100, errorRate: 0.001 }, CreateOrder: { p99Ms: 200, errorRate: 0.001 } },
};

/** The report of a load on a model, which takes no time. */
export function simulateRun(model: Model, changes: Partial<LoadSettings> = {}): Report {
  const settings = { ...simulatedSettings, ...changes };
  const { seed, durationS } = settings;
  const random = seeded(seed);
  const tally = createTally(durationS);
  for (const sample of samplesOf(model, settings, random)) tally.add(sample);
  const figures = {
    all: allCalls(tally, durationS),
    methods: methodsOf(tally, durationS),
    generator: {
      ...{
        processes: 1,
        cpuMean: 0.1,
        cpuMost: 0.2,
        busiest: 0.3,
        loopDelayMs: 2,
        late: 0,
        notSent: 0,
        warnings: [],
      },
      lateness: latencyOf(tally.lateness),
    },
  };
  return {
    schema: SCHEMA,
    begun: '2026-01-02T03:04:05.000Z',
    settings,
    environment: {
      ...{
        cores: 2,
        processor: 'A <model>',
        memoryGib: 8,
        system: 'linux x64',
        node: 'v24',
        mesh: 'sidecars',
      },
      ...{ replicas: { order: 2 }, commit: 'abc' },
    },
    ...{ interrupted: false, seconds: durationS, warmUpCalls: 0, ...figures },
    timeline: timelineOf(tally.seconds, settings, []),
    parts: partsOf(tally.seconds, settings),
    shop: {
      cpuSeconds: { services: 1 },
      othersCpuSeconds: 0,
      started: [{ name: 'order-1', second: 3 }],
      meshRetries: { GetProduct: 2, ReserveStock: 3 },
    },
    budgets: judge(simulatedBudgets, figures),
    invariants: { checked: 13, requests: 1, quietMs: 10, violations: [] },
    failures: [],
  };
}

function* samplesOf({ serviceMs, failing = 0 }: Model, settings: LoadSettings, random: Random) {
  let free = 0;
  for (const at of arrivals(settings, random.fork('arrivals'))) {
    const due = at * 1e6;
    free = Math.max(free, due) - Math.log(1 - random.next()) * serviceMs * 1_000;
    yield {
      ...{ due, late: 100 * random.next(), latency: free - due, attempts: 1 },
      method: random.percent(80) ? 'GetProduct' : 'CreateOrder',
      code: random.percent(failing) ? 'UNAVAILABLE' : 'OK',
    };
  }
}
