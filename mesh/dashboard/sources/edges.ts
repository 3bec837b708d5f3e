import { anyService } from '../../envoy/names.ts';
import type { Calls } from './calls.ts';
import { growth } from './counters.ts';
import type { EnvoyStats } from './envoy-stats.ts';
import { type Histogram, merged, since } from './histogram.ts';
import { outcomeOf, STATUSES } from './status.ts';

/** An Envoy whose statistics are read. */
export interface EnvoyReading {
  /** Whose calls go out by it: `gateway`, or a service. */
  readonly caller: string;
  readonly before: EnvoyStats | undefined;
  readonly now: EnvoyStats;
}

/** What one Envoy, or several with the same caller, saw of the calls to one service. */
export interface Edge extends Calls {
  /** Bounds that were reached: calls, connections or queue; and calls turned away by them. */
  readonly open: number;
  readonly overflowed: number;
  /** Instances that are ejected at the moment. */
  readonly ejected: number;
}

/**
 * What takes longer is a stream, which lasts as long as somebody watches: no method's own deadline is above ten
 * seconds.
 */
const longestCallMs = 15_000;

/** The edges that these Envoys know, by `caller>callee`; the callers of the gateway are `clients`. */
export function edgesOf(readings: readonly EnvoyReading[], services: readonly string[]): Map<string, Edge> {
  const found = new Map<string, Edge[]>();
  const add = (name: string, edge: Edge) => found.set(name, [...(found.get(name) ?? []), edge]);
  for (const { caller, before, now } of readings) {
    const grown = growth(before?.values, now.values);
    const latencies = (name: string): Histogram => callsOnly(before, now, name);
    const out = services.map((service) => {
      const edge = toService(service, grown, now, latencies(`cluster.${service}.upstream_rq_time`));
      if (isKnown(service, now)) add(`${caller}>${service}`, edge);
      return edge;
    });
    if (caller !== 'gateway') continue;
    const limited = sum(grown, /http_local_rate_limit\.rate_limited$/);
    const total = (of: (edge: Edge) => number) => out.reduce((all, edge) => all + of(edge), 0);
    add('clients>gateway', {
      ended: total(({ ended }) => ended) + limited,
      failed: total(({ failed }) => failed),
      refused: total(({ refused }) => refused) + limited,
      latencies: latencies('http.gateway.downstream_rq_time'),
      open: 0,
      overflowed: 0,
      ejected: 0,
    });
  }
  return new Map([...found].map(([name, edges]) => [name, joined(edges)]));
}

/** Clusters in the statistics of an Envoy; the gateway's one for health checks is none of a service. */
/** What may be open: by the priority of the calls, and by what there is too much of. */
const CIRCUITS = ['default', 'high'].flatMap((priority) =>
  ['cx', 'rq', 'rq_pending'].map((what) => `${priority}.${what}_open`),
);

const isKnown = (service: string, { values }: EnvoyStats): boolean =>
  service !== anyService && values.has(`cluster.${service}.membership_total`);

function toService(
  service: string,
  grown: ReadonlyMap<string, number>,
  { values }: EnvoyStats,
  latencies: Histogram,
): Edge {
  const cluster = `cluster.${service}.`;
  const calls = { ok: 0, refused: 0, failed: 0 };
  for (const [code, status] of STATUSES.entries()) {
    calls[outcomeOf(status)] += grown.get(`${cluster}grpc.${code}`) ?? 0;
  }
  const gauge = (name: string) => values.get(cluster + name) ?? 0;
  return {
    ended: calls.ok + calls.refused + calls.failed,
    failed: calls.failed,
    refused: calls.refused,
    retries: grown.get(`${cluster}upstream_rq_retry`) ?? 0,
    latencies,
    open: CIRCUITS.reduce((open, name) => open + gauge(`circuit_breakers.${name}`), 0),
    overflowed:
      (grown.get(`${cluster}upstream_rq_pending_overflow`) ?? 0) +
      (grown.get(`${cluster}upstream_rq_active_overflow`) ?? 0),
    ejected: gauge('outlier_detection.ejections_active'),
  };
}

function callsOnly(before: EnvoyStats | undefined, now: EnvoyStats, name: string): Histogram {
  const histogram = now.histograms.get(name);
  if (!before || !histogram) return new Map();
  const latest = since(before.histograms.get(name), histogram);
  return new Map([...latest].filter(([lower]) => lower < longestCallMs));
}

/** Several edges as one. */
export function joined(edges: readonly Edge[]): Edge {
  const total = (of: (edge: Edge) => number) => edges.reduce((all, edge) => all + of(edge), 0);
  return {
    ended: total(({ ended }) => ended),
    failed: total(({ failed }) => failed),
    refused: total(({ refused }) => refused),
    ...(edges.some(({ retries }) => retries !== undefined)
      ? { retries: total(({ retries = 0 }) => retries) }
      : {}),
    latencies: merged(edges.map(({ latencies }) => latencies)),
    open: total(({ open }) => open),
    overflowed: total(({ overflowed }) => overflowed),
    // Each Envoy judges by itself; one instance may be ejected by several.
    ejected: Math.max(...edges.map(({ ejected }) => ejected)),
  };
}

function sum(values: ReadonlyMap<string, number>, names: RegExp): number {
  let total = 0;
  for (const [name, value] of values) if (names.test(name)) total += value;
  return total;
}
