import { stopMs } from './broker.ts';
import { clusterFolder, otherThan, readLead } from './clusters.ts';
import type { Paths } from './paths.ts';
import { stopPostgres } from './postmaster.ts';
import { isAlive, stopProcess } from './process-identity.ts';
import { prometheusStopMs } from './prometheus.ts';
import { drainTimeoutMs } from './service-environment.ts';
import { type ProcessRecord, readState, removeState } from './state.ts';

/** The processes that a launcher left behind when it was killed. */
export function findLeftovers(paths: Paths): ProcessRecord[] {
  return (readState(paths)?.processes ?? []).filter(isAlive);
}

/**
 * Ends what a killed launcher left behind: services first, which may take their time to finish their calls, then
 * Envoy, then the broker and PostgreSQL. Only while no launcher runs, or by the one that just took over.
 *
 * @returns how many processes there were
 */
export async function stopLeftovers(paths: Paths): Promise<number> {
  const left = findLeftovers(paths);
  const stop = (kind: ProcessRecord['kind'], ms: number) =>
    Promise.all(left.filter((one) => one.kind === kind).map((one) => stopProcess(one, [['SIGTERM', ms]])));
  await stop('service', drainTimeoutMs + 2_000);
  await stop('sidecar', 3_000);
  await stop('envoy', 3_000);
  await stop('nats', stopMs);
  await stop('prometheus', prometheusStopMs);
  // A standby gets all that its primary still writes.
  const { primary } = readLead(paths);
  for (const cluster of [primary, otherThan(primary)]) await stopPostgres(clusterFolder(paths, cluster));
  removeState(paths);
  return left.length;
}
