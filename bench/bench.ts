import { type BenchShop, startBenchShop } from './bench-shop.ts';
import { calls } from './calls.ts';
import { type BenchConfig, benchConfig, type Section } from './config.ts';
import { growth } from './growth.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { meshes } from './meshes.ts';
import { orders } from './orders.ts';
import { telemetry } from './telemetry.ts';

// Measures shops of its own on this machine, prints what comes out beside the goals, and asserts nothing. Medians of
// rounds; `make bench ONLY=orders,latency` runs these alone, config.ts has the other variables.
const config = benchConfig();
const sections: Record<Section, [string, (bench: BenchShop, config: BenchConfig) => Promise<void>]> = {
  calls: ['Calls', (_, config) => calls(config)],
  telemetry: ['What telemetry costs a call', (_, config) => telemetry(config)],
  orders: ['Orders, against the limit and a peer', orders],
  latency: ['Latency of an order', latency],
  meshes: ['What a mesh costs an order', meshes],
  memory: ['Memory', memory],
  growth: ['Cost of an order as the tables grow', growth],
};

/** Code is compiled as it is called: until then a shop is several times slower. */
const WARM_UP_S = 10;

let bench: BenchShop | undefined;
try {
  for (const name of config.only) {
    const [title, run] = sections[name];
    console.log(`\n${title}\n`);
    if (name === 'calls' || name === 'telemetry') {
      await (name === 'calls' ? calls : telemetry)(config);
      continue;
    }
    // One shop without a mesh for all that needs it.
    if (!bench) {
      bench = await startBenchShop({ mesh: 'none', replicas: config.replicas });
      const { concurrency, seconds } = config;
      await bench.order({ concurrency }, Math.min(WARM_UP_S, 4 * seconds));
    }
    await run(bench, config);
  }
} finally {
  await bench?.stop();
}
