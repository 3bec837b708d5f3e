import type { Part } from './data-tier.ts';
import type { GatewayPorts } from './gateway.ts';
import type { Instance } from './instance.ts';
import type { Paths } from './paths.ts';
import { identify, type ProcessIdentity, signal } from './process-identity.ts';
import type { Running } from './spawn-logged.ts';
import { type ProcessRecord, writeState } from './state.ts';

/** All parts of a shop that have been started so far, kept written down. */
export interface Roster {
  postgres: Part | undefined;
  gateway: Part | undefined;
  readonly instances: Instance[];
  /** Whether everything has served at least once. */
  ready: boolean;
  /** Writes down what runs; called at each change. */
  save(): void;
  /** Signals one process by name; false if it isn't running. */
  kill(name: string, how: NodeJS.Signals): boolean;
  /** Kills all processes at once. */
  destroy(): void;
}

/** An empty roster, written to the home's state file. */
export function createRoster(paths: Paths, ports: GatewayPorts): Roster {
  const launcher = identify(process.pid) as ProcessIdentity;
  const since = Date.now();
  let closed = false;

  const roster: Roster = {
    postgres: undefined,
    gateway: undefined,
    instances: [],
    ready: false,
    save() {
      // Nothing may be written any more after the shop was stopped and its state removed.
      if (closed) return;
      writeState(paths, {
        launcher,
        since,
        ready: roster.ready,
        gatewayPort: ports.gateway,
        internalPort: ports.internal,
        adminPort: ports.admin,
        postgresPort: roster.postgres?.port ?? 0,
        processes: records(),
      });
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
    const { postgres, gateway, instances } = roster;
    return [
      ...(postgres ? record('postgres', 'postgres', postgres.port, postgres.running()) : []),
      ...(gateway ? record('envoy', 'envoy', gateway.port, gateway.running()) : []),
      ...instances.flatMap((one) =>
        record(one.name, 'service', one.port(), one.running()).map((process) => ({
          ...process,
          service: one.service,
          metricsPort: one.metricsPort(),
        })),
      ),
    ];
  }
  return roster;
}

function record(
  name: string,
  kind: ProcessRecord['kind'],
  port: number,
  running: Running | undefined,
): ProcessRecord[] {
  return running ? [{ name, kind, port, since: running.since, ...running.identity }] : [];
}
