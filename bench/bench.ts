import { type BenchShop, startBenchShop } from './bench-shop.ts';
import { calls } from './calls.ts';
import { benchConfig, type Section } from './config.ts';
import { eventReaders } from './event-readers.ts';
import { events } from './events.ts';
import { growth } from './growth.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { meshes } from './meshes.ts';
import { orders } from './orders.ts';
import { telemetry } from './telemetry.ts';

// Measures shops of its own on this machine, prints what comes out beside the goals, and asserts nothing. Medians of
// rounds; `make bench ONLY=orders,latency` runs these alone, config.ts has the other variables.
const config = benchConfig();
const sections: Record<Section, [string, () => Promise<void>]> = {
  calls: ['Calls', () => calls(config)],
  telemetry: ['What telemetry costs a call', () => telemetry(config)],
  events: [
    'Events, against a peer',
    async () => {
      await events(config);
      await eventReaders(config);
    },
  ],
  orders: ['Orders, against the limit and a peer', async () => orders(await shop(), config)],
  latency: ['Latency of an order', async () => latency(await shop(), config)],
  meshes: ['What a mesh costs an order', async () => meshes(await shop(), config)],
  memory: ['Memory', async () => memory(await shop(), config)],
  growth: ['Cost of an order as the tables grow', async () => growth(await shop(), config)],
};

/** Code is compiled as it is called: until then a shop is several times slower. */
const WARM_UP_S = 10;

let bench: BenchShop | undefined;

/** One shop without a mesh for all that needs it. */
async function shop(): Promise<BenchShop> {
  if (bench) return bench;
  bench = await startBenchShop({ mesh: 'none', replicas: config.replicas });
  const { concurrency, seconds } = config;
  await bench.order({ concurrency }, Math.min(WARM_UP_S, 4 * seconds));
  return bench;
}

try {
  for (const name of config.only) {
    const [title, run] = sections[name];
    console.log(`\n${title}\n`);
    await run();
  }
} finally {
  await bench?.stop();
}
