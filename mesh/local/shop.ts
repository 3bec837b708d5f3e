import { readContractFile, serviceNames } from '../envoy/contract.ts';
import { readConfig, repository } from './config.ts';
import { Cure } from './cure.ts';
import { startDataTier } from './data-tier.ts';
import { databaseUrl } from './databases.ts';
import { installEnvoy } from './envoy-binary.ts';
import { freePort, loopback } from './free-port.ts';
import { descriptorSetFile, type GatewayPorts, gatewayIsReady, startGateway } from './gateway.ts';
import { type Instance, startInstance } from './instance.ts';
import { stopLeftovers } from './leftovers.ts';
import { logFile, type Paths, pathsIn, prepareFolders, rotateLogs } from './paths.ts';
import { isPortTaken } from './port-taken.ts';
import { type Progress, silent } from './progress.ts';
import { lastWords, untilReachable, untilServing } from './readiness.ts';
import { createRegistry } from './registry.ts';
import { createRoster, type Roster } from './roster.ts';
import { secretsIn } from './secrets.ts';
import { serviceDatabase, serviceEnvironment } from './service-environment.ts';
import { entryPoint, services } from './services.ts';
import { lock, removeState } from './state.ts';

/** How a shop is run. What the environment says beside this is in config.ts. */
export interface ShopOptions {
  /** The folder of its data, logs, secrets and state. Shops in different folders run side by side. */
  readonly home: string;
  /** Default 0: a free port. */
  readonly gatewayPort?: number;
  /** Instances of each service. Default 2. */
  readonly replicas?: number;
  /** More environment for a service's processes: `{ user: { ACCESS_TOKEN_TTL_S: '2' } }`. */
  readonly settings?: Readonly<Record<string, NodeJS.ProcessEnv>>;
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

/** A running shop. */
export interface Shop {
  /** For everybody: gRPC, gRPC-Web and JSON on 127.0.0.1. */
  readonly gatewayPort: number;
  /** Envoy's port for calls between services, which also has the methods that are for services alone. */
  readonly internalPort: number;
  /** Envoy's own pages: /stats, /clusters, /config_dump. */
  readonly adminPort: number;
  readonly paths: Paths;
  readonly instances: readonly Instance[];
  /** The URL with which a service reaches its own database. */
  databaseUrl(service: string): string;
  /** Signals (by default: SIGKILL) an instance such as `order-1`, `envoy` or `postgres`; false if it isn't running. */
  kill(name: string, how?: NodeJS.Signals): boolean;
  /** Stops everything: callers before callees, then Envoy, then PostgreSQL. */
  stop(): Promise<void>;
}

/** Another launcher runs the shop in this home. */
export class AlreadyRunning extends Cure {}

/**
 * Starts a shop and waits until all of it serves through the gateway. What a killed launcher left behind in the
 * same home is stopped first.
 *
 * @throws Cure for what a person can put right. After any failure nothing is left running; nor is it when the
 *   program exits without stopping the shop (a program that is killed leaves it running: see leftovers.ts)
 */
export async function startShop(options: ShopOptions): Promise<Shop> {
  const { home, gatewayPort = 0, log = () => {} } = options;
  const paths = pathsIn(home);
  prepareFolders(paths);
  const unlock = lock(paths);
  if (!unlock) throw new AlreadyRunning(`the shop in ${home} is running already`);
  try {
    const left = await stopLeftovers(paths);
    if (left > 0) log(`stopped ${left} processes that a killed launcher had left behind`);
    if (await isPortTaken(gatewayPort)) {
      throw new Cure(
        `port ${gatewayPort} is taken by another program: stop it, or choose another by GATEWAY_PORT`,
      );
    }
    rotateLogs(paths);
    const ports = {
      gateway: gatewayPort === 0 ? await freePort() : gatewayPort,
      internal: await freePort(),
      admin: await freePort(),
    };
    const roster = createRoster(paths, ports);
    // A program that ends without stopping its shop takes it along, unless it is killed outright.
    process.once('exit', roster.destroy);
    const stop = async () => {
      await stopParts(roster);
      roster.destroy();
      process.off('exit', roster.destroy);
      removeState(paths);
      unlock();
    };
    try {
      await startParts(options, paths, ports, roster);
    } catch (cause) {
      await stop();
      throw cause;
    }
    return {
      gatewayPort: ports.gateway,
      internalPort: ports.internal,
      adminPort: ports.admin,
      paths,
      instances: roster.instances,
      databaseUrl: (service) =>
        databaseUrl(roster.postgres?.port ?? 0, serviceDatabase(secretsIn(paths.secrets), service)),
      kill: (name, how = 'SIGKILL') => roster.kill(name, how),
      stop,
    };
  } catch (cause) {
    unlock();
    throw cause;
  }
}

async function startParts(
  options: ShopOptions,
  paths: Paths,
  ports: GatewayPorts,
  roster: Roster,
): Promise<void> {
  const { progress = silent, log = () => {}, durable = true } = options;
  const signal = options.signal ?? new AbortController().signal;
  const events = { changed: () => roster.save(), log, longestDelayMs: options.longestRestartDelayMs };
  const config = readConfig();
  const secrets = secretsIn(paths.secrets);
  const contract = readContractFile(descriptorSetFile);
  const registry = createRegistry(
    paths.endpoints,
    services.map(({ name }) => name),
  );

  const startServices = async () => {
    roster.postgres = await progress.step(
      'PostgreSQL',
      () => startDataTier({ paths, secrets, durable }, events),
      ({ port }) => `${loopback}:${port}`,
    );
    roster.save();
    signal.throwIfAborted();
    const around = {
      paths,
      secrets,
      postgresPort: roster.postgres.port,
      internalPort: ports.internal,
      inherited: config.inherited,
    };
    await progress.step(
      'Services',
      async () => {
        // Side by side: the first of each service, then the second of each.
        for (let n = 1; n <= (options.replicas ?? 2); n++) {
          for (const service of services) {
            const name = `${service.name}-${n}`;
            const instance = await startInstance({
              name,
              service: service.name,
              entry: (options.entry ?? entryPoint)(service.name),
              cwd: repository,
              env: { ...serviceEnvironment(service, around), ...options.settings?.[service.name] },
              logFile: logFile(paths, name),
              registry,
              ...events,
            });
            roster.instances.push(instance);
            roster.save();
          }
        }
        await untilServing(roster.instances, paths, signal);
      },
      () => roster.instances.map(({ name }) => name).join(' '),
    );
  };

  const openGateway = async () => {
    const binary = await installEnvoy(config);
    signal.throwIfAborted();
    roster.gateway = await startGateway(
      { paths, binary, contract, ports, faults: options.faults ?? false },
      events,
    );
    roster.save();
    if (!(await gatewayIsReady(roster.gateway, ports))) {
      throw new Error(`Envoy did not start: ${lastWords(paths, 'envoy')}`);
    }
  };

  // Both to their end, even if one fails: what either has started must be known when all is stopped.
  const outcomes = await Promise.allSettled([
    startServices(),
    progress.step('Envoy', openGateway, () => `${loopback}:${ports.gateway}`),
  ]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  await progress.step(
    'All of it',
    () => untilReachable(`${loopback}:${ports.gateway}`, serviceNames(contract), signal),
    () => 'serves through the gateway',
  );
  roster.ready = true;
  roster.save();
}

/** In the reverse order of their dependence, so that what is under way can still be finished. */
async function stopParts({ instances, gateway, postgres }: Roster): Promise<void> {
  for (const { name } of services.toReversed()) {
    await Promise.all(instances.filter(({ service }) => service === name).map((instance) => instance.stop()));
  }
  await gateway?.stop();
  await postgres?.stop();
}
