import type { Broker } from './broker.ts';
import type { DataTier, Part } from './data-tier.ts';
import { createDeployment, type Deployment } from './deployment.ts';
import type { Instance } from './instance.ts';
import type { Paths } from './paths.ts';
import { identify, type ProcessIdentity, signal } from './process-identity.ts';
import { createTargetFiles } from './scrape-targets.ts';
import type { Running } from './spawn-logged.ts';
import { type ProcessRecord, type ShopState, writeState } from './state.ts';
import type { Version } from './versions.ts';
import type { Wiring } from './wiring.ts';
import { startWorkload, type WorkloadSettings } from './workload.ts';

/** All parts of a shop that have been started so far, kept written down. */
export interface Roster {
  postgres: DataTier | undefined;
  broker: Broker | undefined;
  gateway: Part | undefined;
  prometheus: Part | undefined;
  readonly deployments: Deployment[];
  /** Those of all deployments, the first of each service before the second. */
  readonly instances: readonly Instance[];
  /** Adds a deployment, without instances yet. */
  deploy(service: string, name: string, version: Version, settings: WorkloadSettings): Deployment;
  /** Takes out a deployment that has no instances any more. */
  forget(deployment: Deployment): void;
  /** Whether everything has served at least once. */
  ready: boolean;
  /** Writes down what runs; called at each change. */
  save(): void;
  /** Calls back after each change, until the returned function is called. */
  watch(changed: () => void): () => void;
  /** What runs at the moment. */
  processes(): ProcessRecord[];
  /** Signals one process by name; false if it isn't running. */
  kill(name: string, how: NodeJS.Signals): boolean;
  /** Kills all processes at once. */
  destroy(): void;
}

/** An empty roster, written to the home's state file. */
export function createRoster(paths: Paths, { mesh, ports, addresses }: Wiring): Roster {
  const launcher = identify(process.pid) as ProcessIdentity;
  const since = Date.now();
  let closed = false;
  const watchers = new Set<() => void>();
  const writeTargets = createTargetFiles(paths);

  const roster: Roster = {
    postgres: undefined,
    broker: undefined,
    gateway: undefined,
    prometheus: undefined,
    deployments: [],
    get instances() {
      const number = ({ name }: Instance) => Number(name.split('-').at(-1));
      return roster.deployments.flatMap(({ instances }) => instances).sort((a, b) => number(a) - number(b));
    },
    ready: false,
    watch(changed) {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
    processes: records,
    deploy(service, name, version, settings) {
      const deployment = createDeployment({
        service,
        name,
        version,
        paths,
        start: (instance, of) => startWorkload(service, instance, of, settings),
        changed: () => roster.save(),
      });
      roster.deployments.push(deployment);
      return deployment;
    },
    forget(deployment) {
      roster.deployments.splice(roster.deployments.indexOf(deployment), 1);
    },
    save() {
      // Nothing may be written any more after the shop was stopped and its state removed.
      if (closed) return;
      const processes = records();
      writeState(paths, {
        launcher,
        since,
        ready: roster.ready,
        mesh,
        addresses,
        gatewayPort: ports.gateway,
        adminPort: ports.admin,
        postgresPort: roster.postgres?.port ?? 0,
        ...standbyOf(roster.postgres),
        processes,
      });
      writeTargets(processes, ports.admin);
      for (const changed of watchers) changed();
    },
    kill(name, how) {
      const found = records().find((one) => one.name === name);
      return found !== undefined && signal(found, how);
    },
    destroy() {
      closed = true;
      for (const one of records()) signal(one, 'SIGKILL', true);
    },
  };

  function records(): ProcessRecord[] {
    const { postgres, broker, gateway, prometheus, instances } = roster;
    return [
      ...(postgres ? record('postgres', 'postgres', postgres.port, postgres.running()) : []),
      ...(postgres?.standby
        ? record('postgres-standby', 'postgres', postgres.standby.port, postgres.standby.running())
        : []),
      ...(broker
        ? record('nats', 'nats', broker.port, broker.running()).map((process) => ({
            ...process,
            adminPort: broker.monitorPort,
          }))
        : []),
      ...(gateway ? record('envoy', 'envoy', gateway.port, gateway.running()) : []),
      ...(prometheus ? record('prometheus', 'prometheus', prometheus.port, prometheus.running()) : []),
      ...instances.flatMap((one) =>
        record(one.name, 'service', one.port(), one.running()).map((process) => ({
          ...process,
          service: one.service,
          metricsPort: one.metricsPort(),
        })),
      ),
      ...instances.flatMap(({ sidecar }) =>
        sidecar
          ? record(sidecar.name, 'sidecar', sidecar.inboundPort, sidecar.running()).map((process) => ({
              ...process,
              adminPort: sidecar.adminPort,
            }))
          : [],
      ),
    ];
  }
  return roster;
}

function standbyOf(postgres: DataTier | undefined): Pick<ShopState, 'postgresStandbyPort' | 'synchronous'> {
  const standby = postgres?.standby;
  return standby ? { postgresStandbyPort: standby.port, synchronous: standby.synchronous() } : {};
}

function record(
  name: string,
  kind: ProcessRecord['kind'],
  port: number,
  running: Running | undefined,
): ProcessRecord[] {
  return running ? [{ name, kind, port, since: running.since, ...running.identity }] : [];
}

/** Stops all parts, in the reverse order of their dependence, so that what is under way can still be finished. */
export async function stopParts({
  deployments,
  gateway,
  broker,
  postgres,
  prometheus,
}: Roster): Promise<void> {
  for (const deployment of deployments.toReversed()) await deployment.stop();
  await gateway?.stop();
  await broker?.stop();
  await postgres?.stop();
  await prometheus?.stop();
}
