import type { Bucket, Histogram } from './histogram.ts';

/** What an Envoy has counted since it started. */
export interface EnvoyStats {
  /** Counters and gauges by their full name. */
  readonly values: ReadonlyMap<string, number>;
  /** In milliseconds. */
  readonly histograms: ReadonlyMap<string, Histogram>;
}

/** Asks an Envoy only for what is shown: there are some 700 statistics. `clusters` are names of clusters. */
export function statsPath(clusters: readonly string[]): string {
  const ofCluster = [
    'grpc\\.\\d+',
    'upstream_rq_(time|retry|retry_success|pending_overflow|active_overflow|retry_overflow)',
    'outlier_detection\\.ejections_(active|enforced_total)',
    'circuit_breakers\\.(default|high)\\.(cx|rq|rq_pending)_open',
    'membership_(healthy|total)',
  ].join('|');
  const filter =
    `^cluster\\.(${clusters.join('|')})\\.(${ofCluster})$` +
    '|^http\\.(gateway|internal)\\.downstream_rq_time$|http_local_rate_limit\\.rate_limited$';
  return `/stats?usedonly&histogram_buckets=detailed&filter=${encodeURIComponent(filter)}`;
}

/** Reads the text of `/stats?histogram_buckets=detailed`: `name: value`, and histograms over several lines. */
export function parseStats(text: string): EnvoyStats {
  const values = new Map<string, number>();
  const histograms = new Map<string, Histogram>();
  let histogram = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('  totals=')) histograms.set(histogram, parseBuckets(line.slice('  totals='.length)));
    else if (line.startsWith(' ')) continue;
    else if (line.endsWith(':')) histogram = line.slice(0, -1);
    else {
      const colon = line.indexOf(': ');
      const value = Number(line.slice(colon + 2));
      if (colon > 0 && !Number.isNaN(value)) values.set(line.slice(0, colon), value);
    }
  }
  return { values, histograms };
}

/** `38,1:2, 110,10:5`: two values from 38 on within a width of 1, five from 110 on within 10. */
function parseBuckets(text: string): Histogram {
  const buckets = new Map<number, Bucket>();
  for (const [, lower, width, count] of text.matchAll(/([\d.e+-]+),([\d.e+-]+):(\d+)/g)) {
    buckets.set(Number(lower), { width: Number(width), count: Number(count) });
  }
  return buckets;
}

/** An instance as an Envoy sees it. */
export interface EnvoyHost {
  /** `127.0.0.1:24632` */
  readonly address: string;
  readonly cluster: string;
  /** Taken out because its calls fail. */
  readonly ejected: boolean;
  /** Taken out because its health checks fail. */
  readonly unhealthy: boolean;
}

/** Reads `/clusters?format=json`. */
export function parseClusters(text: string): EnvoyHost[] {
  const { cluster_statuses = [] } = JSON.parse(text) as {
    cluster_statuses?: {
      name: string;
      host_statuses?: {
        address?: { socket_address?: { address: string; port_value: number } };
        health_status?: {
          failed_active_health_check?: boolean;
          failed_outlier_check?: boolean;
        };
      }[];
    }[];
  };
  return cluster_statuses.flatMap(({ name, host_statuses = [] }) =>
    host_statuses.map(({ address, health_status = {} }) => ({
      address: `${address?.socket_address?.address}:${address?.socket_address?.port_value}`,
      cluster: name,
      ejected: health_status.failed_outlier_check === true,
      unhealthy: health_status.failed_active_health_check === true,
    })),
  );
}
