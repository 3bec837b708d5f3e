import { isHealthy } from './broker.ts';
import { findPostmasters } from './clusters.ts';
import type { LauncherConfig } from './config.ts';
import { isLive } from './envoy.ts';
import { loopback } from './free-port.ts';
import { checkHealth, healthClient } from './health.ts';
import { childrenOf, memoryOf } from './memory.ts';
import { type Paths, pathsIn } from './paths.ts';
import { isAlive } from './process-identity.ts';
import { isReady } from './prometheus.ts';
import { lockHolder, type ProcessRecord, readState, type ShopState } from './state.ts';
import { addressLines, WITHOUT_MESH } from './wiring.ts';

/** Prints what runs. The exit code is 0 if all of it serves, 3 if nothing runs, 1 otherwise. */
export async function status({ home }: LauncherConfig, print: (line: string) => void): Promise<number> {
  const paths = pathsIn(home);
  const state = readState(paths);
  const launcher = lockHolder(paths);
  const processes = state?.processes.filter(isAlive) ?? [];
  if (!state || (!launcher && processes.length === 0)) {
    print(launcher ? 'The shop is just being started.' : 'Nothing runs. "make up" starts the shop.');
    return 3;
  }
  const health = await Promise.all(processes.map((one) => healthOf(one, state, paths)));
  const rows = [
    ...processes.map((one, i) => ({ ...one, health: health[i] ?? '?', memory: withChildren(one) })),
    ...(launcher
      ? [
          {
            ...launcher,
            name: 'launcher',
            port: 0,
            since: state.since,
            health: 'runs',
            memory: memoryOf(launcher.pid),
          },
        ]
      : []),
  ];
  print(line('NAME', 'PID', 'PORT', 'HEALTH', 'UPTIME', 'MEMORY'));
  for (const { name, pid, port, health, since, memory } of rows) {
    print(line(name, pid, port || '-', health, duration(Date.now() - since), megabytes(memory)));
  }
  const total = rows.reduce((sum, { memory }) => sum + memory, 0);
  print(line('total', '', '', '', '', megabytes(total)));
  print(`\n${meshOf(state)}`);
  if (state.postgresStandbyPort !== undefined) print(databaseOf(state));
  if (!launcher) {
    print('The launcher was killed: nothing is restarted any more. "make up" or "make down" cleans up.');
    return 1;
  }
  return state.ready && health.every((word) => word === 'serving') ? 0 : 1;
}

function meshOf({ mesh, gatewayPort, adminPort, addresses }: ShopState): string {
  if (mesh === 'none') return [WITHOUT_MESH, ...addressLines(addresses)].join('\n');
  const how = mesh === 'sidecars' ? 'a sidecar for each instance, mTLS between them' : 'one Envoy for all';
  return `Mesh: ${how}. Gateway 127.0.0.1:${gatewayPort}, Envoy's own pages http://127.0.0.1:${adminPort}`;
}

function databaseOf({ postgresPort, postgresStandbyPort, synchronous }: ShopState): string {
  const both = `primary ${loopback}:${postgresPort}, standby ${loopback}:${postgresStandbyPort}`;
  return synchronous
    ? `PostgreSQL: ${both}; each commit is on both`
    : `PostgreSQL: ${both}, which is away or catching up; commits are on the primary alone`;
}

async function healthOf(
  { kind, pid, port, adminPort }: ProcessRecord,
  state: ShopState,
  paths: Paths,
): Promise<string> {
  if (kind === 'postgres') {
    const postmaster = findPostmasters(paths).find(({ identity }) => identity.pid === pid);
    return postmaster?.ready ? 'serving' : 'starting';
  }
  if (kind === 'prometheus') return (await isReady(port)) ? 'serving' : 'not ready';
  if (kind === 'nats') return (await isHealthy(adminPort ?? 0)) ? 'serving' : 'not ready';
  if (kind === 'envoy' || kind === 'sidecar') {
    return (await isLive(adminPort ?? state.adminPort)) ? 'serving' : 'not ready';
  }
  const client = healthClient(`${loopback}:${port}`);
  const serving = await checkHealth(client);
  client.close();
  return serving ? 'serving' : 'not serving';
}

/** PostgreSQL is a process for each connection, and a few more. */
function withChildren({ pid, kind }: ProcessRecord): number {
  const pids = kind === 'postgres' ? [pid, ...childrenOf(pid)] : [pid];
  return pids.reduce((sum, one) => sum + memoryOf(one), 0);
}

function line(name: string, ...columns: (string | number)[]): string {
  return (name.padEnd(18) + columns.map((text) => String(text).padStart(12)).join('')).trimEnd();
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
