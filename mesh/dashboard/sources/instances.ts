import { readContractFile } from '../../envoy/contract.ts';
import { descriptorSetFile } from '../../local/gateway.ts';
import type { Shop } from '../../local/shop.ts';
import { ask } from './ask.ts';
import type { Calls } from './calls.ts';
import { merged, size } from './histogram.ts';
import { callsOf, type Growth, growthOf, type InstanceMetrics, parseInstance } from './service-metrics.ts';

/** What the instances' own metrics say of the time since the last reading. */
export interface InstanceReadings {
  /** Calls by series name: `method|…`, `instance|order-1`, `database|order`, `event|user>order`. */
  readonly calls: ReadonlyMap<string, Calls>;
  /** Calls to each service as its instances saw them. */
  readonly services: ReadonlyMap<string, Calls>;
  /** Gauges by series name, and how much counters grew. */
  readonly gauges: ReadonlyMap<string, number>;
  readonly grown: ReadonlyMap<string, number>;
}

/** Methods that last as long as somebody listens: how long says nothing of the service. */
const streams: ReadonlySet<string> = new Set(
  readContractFile(descriptorSetFile).flatMap(({ path, streaming }) => (streaming ? [path.slice(1)] : [])),
);

/** Asks the instances, and remembers what they said the last time. */
export function createInstanceReader(shop: Shop): () => Promise<InstanceReadings> {
  let last = new Map<string, InstanceMetrics>();
  return async () => {
    const next = new Map<string, InstanceMetrics>();
    const calls = new Map<string, Calls>();
    const gauges = new Map<string, number>();
    const grown = new Map<string, number>();
    const growths = new Map<string, Growth[]>();
    await Promise.all(
      shop.instances.map(async ({ name, service, metricsPort, running }) => {
        const text = running() && (await ask(metricsPort(), '/metrics'));
        if (!text) return;
        const now = parseInstance(text);
        next.set(name, now);
        const growth = growthOf(last.get(name), now);
        growths.set(service, [...(growths.get(service) ?? []), growth]);
        calls.set(`instance|${name}`, asOne(callsOf('method', [growth])));
        for (const [key, value] of now.gauges) {
          const [group, ...rest] = key.split('|');
          const series = group === 'lag' ? `lag|${service}>${rest.join('|')}` : `${key}|value`;
          // Every replica says the same, a moment apart.
          gauges.set(series, Math.max(value, gauges.get(series) ?? 0));
        }
        for (const [key, value] of growth.counters) {
          if (!/^(method|database)\|/.test(key)) grown.set(key, value + (grown.get(key) ?? 0));
        }
      }),
    );
    last = next;
    const services = new Map<string, Calls>();
    for (const [service, all] of growths) {
      const methods = callsOf('method', all);
      for (const [method, one] of methods) calls.set(`method|${method}`, one);
      services.set(service, asOne(methods));
      for (const one of callsOf('database', all).values()) calls.set(`database|${service}`, one);
      for (const [publisher, delivered] of deliveriesOf(all))
        calls.set(`event|${publisher}>${service}`, delivered);
    }
    return { calls, services, gauges, grown };
  };
}

function asOne(methods: ReadonlyMap<string, Calls>): Calls {
  const all = [...methods].flatMap(([method, calls]) => (streams.has(method) ? [] : [calls]));
  const total = (of: (calls: Calls) => number) => all.reduce((sum, calls) => sum + of(calls), 0);
  return {
    ended: total(({ ended }) => ended),
    failed: total(({ failed }) => failed),
    refused: total(({ refused }) => refused),
    latencies: merged(all.map(({ latencies }) => latencies)),
  };
}

/** Events that took effect, by publisher, as if each were a call that took as long as its delivery. */
function deliveriesOf(growths: readonly Growth[]): Map<string, Calls> {
  const publishers = new Set(
    growths.flatMap(({ histograms }) =>
      [...histograms.keys()].flatMap((key) => /^delivery\|(.*)/.exec(key)?.[1] ?? []),
    ),
  );
  return new Map(
    [...publishers].map((publisher) => {
      const latencies = merged(
        growths.flatMap(({ histograms }) => histograms.get(`delivery|${publisher}`) ?? []),
      );
      return [publisher, { ended: size(latencies), failed: 0, refused: 0, latencies }];
    }),
  );
}
