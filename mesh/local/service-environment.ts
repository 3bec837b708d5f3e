import { join } from 'node:path';
import { databaseName, databaseUrl, type ServiceDatabase } from './databases.ts';
import { loopback } from './free-port.ts';
import type { Paths } from './paths.ts';
import type { Secrets } from './secrets.ts';
import { type ServiceSpec, services } from './services.ts';
import type { Wiring } from './wiring.ts';

/** The longest, in milliseconds, that a service may take to finish its calls when it is told to stop. */
export const drainTimeoutMs = 10_000;

/** Where the shop's other parts are. */
export interface Surroundings {
  readonly paths: Paths;
  readonly secrets: Secrets;
  readonly postgresPort: number;
  /** Of a second server, which may take the first one's place. */
  readonly postgresStandbyPort?: number | undefined;
  /** The gRPC target under which each service is called by the others. */
  readonly addresses: Wiring['addresses'];
  /** What the instance shares with its sidecar; empty where it has none. */
  readonly sidecarSecret: string;
  /** The broker of events. Default: none. */
  readonly eventsUrl?: string;
  /** Settings for all services that come before our own: LOG_LEVEL and the like. */
  readonly inherited: NodeJS.ProcessEnv;
}

/** A service's database, with the password kept among the secrets. */
export function serviceDatabase(secrets: Secrets, service: string): ServiceDatabase {
  return { name: databaseName(service), password: secrets(`${service}-database`) };
}

/** What a service's processes find in their environment, whichever instance they are. */
export function serviceEnvironment(service: ServiceSpec, around: Surroundings): NodeJS.ProcessEnv {
  const { secrets } = around;
  const token = (name: string) => secrets(`${name}-service-token`);
  return {
    ...around.inherited,
    DATABASE_URL: databaseUrl(
      [around.postgresPort, around.postgresStandbyPort].filter((port) => port !== undefined),
      serviceDatabase(secrets, service.name),
    ),
    SERVICE_TOKEN: token(service.name),
    SERVICE_TOKENS: services.map(({ name }) => `${name}=${token(name)}`).join(','),
    DRAIN_TIMEOUT_MS: String(drainTimeoutMs),
    EVENTS_URL: around.eventsUrl ?? '',
    SIDECAR_SECRET: around.sidecarSecret,
    // A machine that runs everything has little to spare: without bounds, heaps under load grow before they are
    // collected, to half as much again in all (measured), for no more throughput.
    NODE_OPTIONS: around.inherited.NODE_OPTIONS ?? '--max-old-space-size=256 --max-semi-space-size=8',
    // Compiled code is kept between starts: most of a start is the compiling of libraries.
    NODE_COMPILE_CACHE: join(around.paths.cache, 'node'),
    ...Object.fromEntries(
      (service.secrets ?? []).map((name) => [name, secrets(name.toLowerCase().replaceAll('_', '-'))]),
    ),
    ...Object.fromEntries(
      service.calls.map((name) => [`${name.toUpperCase()}_ADDRESS`, around.addresses[name]]),
    ),
  };
}

/** What one instance finds beside that. */
export function instanceEnvironment(name: string, port: number, metricsPort: number): NodeJS.ProcessEnv {
  return { INSTANCE: name, HOST: loopback, PORT: String(port), METRICS_PORT: String(metricsPort) };
}
