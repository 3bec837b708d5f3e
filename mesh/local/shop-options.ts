import type { DatabaseTopology, EventTransport, Mesh } from './config.ts';
import type { Progress } from './progress.ts';
import type { Telemetry } from './telemetry.ts';

/** How a shop is run. What the environment says beside this is in config.ts. */
export interface ShopOptions {
  /** The folder of its data, logs, secrets and state. Shops in different folders run side by side. */
  readonly home: string;
  /** What is between the services. Default sidecars; none is for measuring, see wiring.ts. */
  readonly mesh?: Mesh;
  /** One PostgreSQL, or a primary and a standby that takes its place. Default single. */
  readonly database?: DatabaseTopology;
  /** How events get from service to service. Default embedded: by the services' own streams. */
  readonly events?: EventTransport;
  /** Default 0: a free port. */
  readonly gatewayPort?: number;
  /** Where the caller will serve the dashboard: checked to be free before anything is started. */
  readonly dashboardPort?: number;
  /** Instances of each service. Default 2. */
  readonly replicas?: number;
  /** More environment for a service's processes: `{ user: { ACCESS_TOKEN_TTL_S: '2' } }`. */
  readonly settings?: Readonly<Record<string, NodeJS.ProcessEnv>>;
  /** Where telemetry goes. Default: nowhere, and none is made. */
  readonly telemetry?: Omit<Telemetry, 'receiver'> | undefined;
  /** Starts a Prometheus, by this program, that scrapes the shop. Default: none. */
  readonly prometheus?: { readonly binary: string; readonly port: number } | undefined;
  /** The program of each service. Default `services/<name>/main.ts`. */
  readonly entry?: (service: string) => string;
  /** false, for tests only: the database doesn't wait for the disk. Default true. */
  readonly durable?: boolean;
  /** For tests only: calls between services can be delayed and dropped, by setFaults. Default false. */
  readonly faults?: boolean;
  /** The longest pause, in milliseconds, before a part that died once more is started again. Default 10 s. */
  readonly longestRestartDelayMs?: number;
  /** Gives a start up: what was started is stopped again. */
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
  /** Takes a line on each death, restart and the like. */
  readonly log?: (line: string) => void;
}
