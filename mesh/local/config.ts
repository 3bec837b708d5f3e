import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cure } from './cure.ts';

/** The folder of the clone. */
export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** What stands between the services: an Envoy beside each instance, one Envoy for all, or nothing. */
export const meshes = ['sidecars', 'gateway', 'none'] as const;
export type Mesh = (typeof meshes)[number];

/** One PostgreSQL, or a primary and a standby that takes its place. */
export const databaseTopologies = ['single', 'ha'] as const;
export type DatabaseTopology = (typeof databaseTopologies)[number];

/** How events get from service to service: by their own streams, or by a NATS JetStream broker. */
export const eventTransports = ['embedded', 'nats'] as const;
export type EventTransport = (typeof eventTransports)[number];

/** Where the gateway is served over TLS, to other machines too if `host` says so. */
export interface SecureGateway {
  readonly host: string;
  readonly port: number;
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
}

/** What the environment says, checked. */
export interface LauncherConfig {
  /** SOUK_HOME: the folder of data, logs, secrets and state. Default `.souk` in the clone. */
  readonly home: string;
  /** GATEWAY_PORT: default 8080; 0 picks a free one. */
  readonly gatewayPort: number;
  /** DASHBOARD_PORT: default 8090; 0 picks a free one. */
  readonly dashboardPort: number;
  /** Whether the dashboard has buttons that kill, drain, pause and scale: not when NODE_ENV is production. */
  readonly development: boolean;
  /** GATEWAY_TLS_CERT and GATEWAY_TLS_KEY (default: no TLS), GATEWAY_TLS_HOST (127.0.0.1), GATEWAY_TLS_PORT (8443). */
  readonly gatewayTls: SecureGateway | undefined;
  /** MESH: default sidecars. */
  readonly mesh: Mesh;
  /** DB: default single. */
  readonly database: DatabaseTopology;
  /** REPLICAS: instances of each service, 1 to 8. Default 2. */
  readonly replicas: number;
  /** ENVOY_BIN: an Envoy to use in place of any other. */
  readonly envoyBin: string | undefined;
  /** EVENTS: default embedded. */
  readonly events: EventTransport;
  /** NATS_SERVER_BIN: a nats-server to use in place of any other. */
  readonly natsServerBin: string | undefined;
  /** OBSERVE=1: `up` starts a Prometheus too, where one is installed. */
  readonly observe: boolean;
  /** PROMETHEUS_PORT: default 9090. */
  readonly prometheusPort: number;
  /** PROMETHEUS_BIN: a Prometheus to use in place of any other; promtool stands beside it. */
  readonly prometheusBin: string | undefined;
  /** PATH, where Envoy, nats-server and Python are looked for. */
  readonly path: string;
  /** DETACH=1: `up` returns when the shop serves. */
  readonly detach: boolean;
  /** SERVICE: what `logs` shows: a service (order), an instance (order-1), postgres, envoy or launcher. */
  readonly service: string | undefined;
  /** FOLLOW=1: `logs` goes on until Ctrl-C. */
  readonly follow: boolean;
  /** YES=1: `reset` doesn't ask. */
  readonly yes: boolean;
  /** The whole environment, which services inherit: LOG_LEVEL and their other own settings. */
  readonly inherited: NodeJS.ProcessEnv;
}

/**
 * Reads the environment; nothing else of the launcher does.
 *
 * @throws Cure that names every fault
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): LauncherConfig {
  const faults: string[] = [];
  const text = (name: string) => env[name]?.trim() || undefined;
  const integer = (name: string, fallback: number, min: number, max: number) => {
    const value = Number(text(name) ?? fallback);
    if (!Number.isInteger(value) || value < min || value > max) {
      faults.push(`${name} must be a whole number from ${min} to ${max}, not "${text(name)}"`);
    }
    return value;
  };
  const flag = (name: string) => {
    const value = text(name) ?? '0';
    if (value !== '0' && value !== '1') faults.push(`${name} must be 0 or 1, not "${value}"`);
    return value === '1';
  };
  const choice = <Value extends string>(name: string, values: readonly [Value, ...Value[]]): Value => {
    const given = text(name);
    const value = given === undefined ? values[0] : values.find((each) => each === given);
    if (value === undefined) faults.push(`${name} must be ${values.join(' or ')}, not "${given}"`);
    return value ?? values[0];
  };
  const file = (name: string) => {
    const path = text(name);
    if (path !== undefined && !existsSync(path))
      faults.push(`${name} names a file that isn't there: ${path}`);
    return path && resolve(path);
  };
  const secureGateway = (): SecureGateway | undefined => {
    const [certificate, key] = [file('GATEWAY_TLS_CERT'), file('GATEWAY_TLS_KEY')];
    const port = integer('GATEWAY_TLS_PORT', 8443, 1, 65_535);
    if (certificate && key) return { host: text('GATEWAY_TLS_HOST') ?? '127.0.0.1', port, certificate, key };
    if (certificate || key) faults.push('GATEWAY_TLS_CERT and GATEWAY_TLS_KEY are needed both');
    return undefined;
  };
  const config: LauncherConfig = {
    home: resolve(repository, text('SOUK_HOME') ?? '.souk'),
    gatewayPort: integer('GATEWAY_PORT', 8080, 0, 65_535),
    dashboardPort: integer('DASHBOARD_PORT', 8090, 0, 65_535),
    development: text('NODE_ENV') !== 'production',
    gatewayTls: secureGateway(),
    mesh: choice('MESH', meshes),
    database: choice('DB', databaseTopologies),
    replicas: integer('REPLICAS', 2, 1, 8),
    envoyBin: text('ENVOY_BIN'),
    events: choice('EVENTS', eventTransports),
    natsServerBin: text('NATS_SERVER_BIN'),
    observe: flag('OBSERVE'),
    prometheusPort: integer('PROMETHEUS_PORT', 9090, 1, 65_535),
    prometheusBin: text('PROMETHEUS_BIN'),
    path: text('PATH') ?? '',
    detach: flag('DETACH'),
    service: text('SERVICE'),
    follow: flag('FOLLOW'),
    yes: flag('YES'),
    inherited: env,
  };
  if (faults.length > 0) throw new Cure(faults.join('; '));
  return Object.freeze(config);
}
