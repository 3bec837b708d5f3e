import { join } from 'node:path';
import { GATEWAY } from '../contract/callers.ts';
import { readContractFile, serviceNames } from '../envoy/contract.ts';
import { writeSecretFile } from '../envoy/tls.ts';
import { createAuthority } from '../identity/authority.ts';
import { keepIdentity } from '../identity/certificates.ts';
import { brokerIsReady, startBroker } from './broker.ts';
import { type Canaries, createCanaries } from './canary.ts';
import { readConfig } from './config.ts';
import { Cure } from './cure.ts';
import { type DataTier, type Part, startDataTier } from './data-tier.ts';
import { databaseUrl } from './databases.ts';
import type { Deployment } from './deployment.ts';
import { installEnvoy } from './envoy-binary.ts';
import { loopback } from './free-port.ts';
import { descriptorSetFile, gatewayIsReady, startGateway } from './gateway.ts';
import type { Instance } from './instance.ts';
import { stopLeftovers } from './leftovers.ts';
import { installNats } from './nats-binary.ts';
import { type Paths, pathsIn, prepareFolders, rotateLogs } from './paths.ts';
import { refuseTaken } from './port-taken.ts';
import { silent } from './progress.ts';
import { startPrometheus } from './prometheus.ts';
import { lastWords, untilReachable } from './readiness.ts';
import { createRegistry } from './registry.ts';
import { createRoster, type Roster, stopParts } from './roster.ts';
import { secretsIn } from './secrets.ts';
import { serviceDatabase } from './service-environment.ts';
import { services } from './services.ts';
import type { ShopOptions } from './shop-options.ts';
import { lock, type ProcessRecord, removeState } from './state.ts';
import { OWN } from './versions.ts';
import { type Wiring, wire } from './wiring.ts';
import type { WorkloadSettings } from './workload.ts';

/** A running shop. */
export interface Shop {
  /** For everybody: gRPC, gRPC-Web and JSON on 127.0.0.1. 0 without a mesh, as are the next two. */
  readonly gatewayPort: number;
  /** Envoy's port for calls between services, which also has the methods that are for services alone. */
  readonly internalPort: number;
  /** Envoy's own pages: /stats, /clusters, /config_dump. */
  readonly adminPort: number;
  /** The gRPC target of each service for the others, by its name. */
  readonly addresses: Wiring['addresses'];
  readonly paths: Paths;
  readonly instances: readonly Instance[];
  /** The instances of each service, whose number can be changed, by its name. */
  deployment(service: string): Deployment;
  readonly deployments: readonly Deployment[];
  /** New versions beside the old. */
  readonly canaries: Canaries;
  /** What runs at the moment. */
  processes(): ProcessRecord[];
  /** PostgreSQL's second server, running or not; undefined where there is to be one alone. */
  readonly standby: DataTier['standby'];
  /** The broker of events, running or not; undefined where there is to be none. */
  readonly broker: Part | undefined;
  /** Calls back after each death, start and change of health, until the returned function is called. */
  watch(changed: () => void): () => void;
  /** The URL with which a service reaches its own database, on the server that takes writes at the moment. */
  databaseUrl(service: string): string;
  /**
   * Signals (by default: SIGKILL) a process such as `order-1`, `envoy`, `nats`, `postgres` (of two servers the primary
   * of the moment) or `postgres-standby`; false if there is none.
   */
  kill(name: string, how?: NodeJS.Signals): boolean;
  /** Stops everything: callers before callees, then Envoy, then the broker and PostgreSQL. */
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
  const { home, mesh = 'sidecars', gatewayPort = 0, replicas = 2, log = () => {} } = options;
  const paths = pathsIn(home);
  prepareFolders(paths);
  const unlock = lock(paths);
  if (!unlock) throw new AlreadyRunning(`the shop in ${home} is running already`);
  try {
    const left = await stopLeftovers(paths);
    if (left > 0) log(`stopped ${left} processes that a killed launcher had left behind`);
    if (mesh !== 'none') await refuseTaken('GATEWAY_PORT', gatewayPort);
    await refuseTaken('DASHBOARD_PORT', options.dashboardPort ?? 0);
    rotateLogs(paths);
    const wiring = await wire(mesh, replicas, gatewayPort);
    const { ports } = wiring;
    const roster = createRoster(paths, wiring);
    // A program that ends without stopping its shop takes it along, unless it is killed outright.
    process.once('exit', roster.destroy);
    const stop = async () => {
      await stopParts(roster);
      roster.destroy();
      process.off('exit', roster.destroy);
      removeState(paths);
      unlock();
    };
    let workloads: WorkloadSettings;
    try {
      workloads = await startParts(options, paths, wiring, roster);
    } catch (cause) {
      await stop();
      throw cause;
    }
    const deployment = (service: string): Deployment => {
      const found = roster.deployments.find(({ name }) => name === service);
      if (!found) throw new Cure(`SERVICE is one of ${services.map(({ name }) => name).join(', ')}`);
      return found;
    };
    return {
      gatewayPort: ports.gateway,
      internalPort: ports.internal,
      adminPort: ports.admin,
      addresses: wiring.addresses,
      paths,
      get instances() {
        return roster.instances;
      },
      deployment,
      deployments: roster.deployments,
      processes: roster.processes,
      get standby() {
        return roster.postgres?.standby;
      },
      get broker() {
        return roster.broker;
      },
      watch: roster.watch,
      canaries: createCanaries({
        registry: workloads.registry,
        deployment,
        deploy: (service, name, version) => roster.deploy(service, name, version, workloads),
        forget: roster.forget,
      }),
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
  wiring: Wiring,
  roster: Roster,
): Promise<WorkloadSettings> {
  const { mesh, ports } = wiring;
  const { progress = silent, log = () => {}, durable = true, faults = false } = options;
  const signal = options.signal ?? new AbortController().signal;
  const events = { changed: () => roster.save(), log, longestDelayMs: options.longestRestartDelayMs };
  const config = readConfig();
  const secrets = secretsIn(paths.secrets);
  const contract = readContractFile(descriptorSetFile);
  const registry = createRegistry(
    paths.endpoints,
    services.map(({ name }) => name),
    paths.gatewayEndpoints,
  );

  const authority = mesh === 'sidecars' ? await createAuthority() : undefined;
  const envoy = mesh === 'none' ? Promise.resolve('') : installEnvoy(config);
  const tracing = options.telemetry?.tracing;

  const openBroker = async () => {
    roster.broker = await startBroker({ paths, secrets, binary: await installNats(config) }, events);
    roster.save();
    if (!(await brokerIsReady(roster.broker))) {
      throw new Error(`nats-server did not start: ${lastWords(paths, 'nats')}`);
    }
  };

  const startServices = async () => {
    roster.postgres = await progress.step(
      'PostgreSQL',
      () => startDataTier({ paths, secrets, durable, topology: options.database ?? 'single' }, events),
      ({ port, standby }) => `${loopback}:${port}${standby ? `, standby ${loopback}:${standby.port}` : ''}`,
    );
    roster.save();
    signal.throwIfAborted();
    if (options.events === 'nats') {
      await progress.step('NATS', openBroker, () => `${loopback}:${roster.broker?.port}`);
      signal.throwIfAborted();
    }
    const workloads: WorkloadSettings = {
      paths,
      registry,
      wiring,
      contract,
      authority,
      binary: await envoy,
      faults,
      tracing,
      settings: options.settings,
      entry: options.entry,
      around: {
        paths,
        secrets,
        postgresPort: roster.postgres.port,
        postgresStandbyPort: roster.postgres.standby?.port,
        eventsUrl: roster.broker?.url ?? '',
        sidecarSecret: authority ? secrets('sidecar') : '',
        inherited: { ...config.inherited, ...options.telemetry?.environment },
      },
      events,
    };
    await progress.step(
      'Services',
      async () => {
        for (const { name } of services) roster.deploy(name, name, OWN, workloads);
        const { replicas = 2 } = options;
        // To their end, even if one fails: what has been started must be known when all is stopped.
        const outcomes = await Promise.allSettled(
          roster.deployments.map((one) => one.scale(replicas, signal)),
        );
        for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      },
      () => roster.instances.map(({ name }) => name).join(' '),
    );
    return workloads;
  };

  const openGateway = async () => {
    const binary = await envoy;
    signal.throwIfAborted();
    const identity =
      authority &&
      (await keepIdentity(authority, GATEWAY, join(paths.identities, GATEWAY), (cause) =>
        log(`the gateway's certificate can't be renewed (${cause})`),
      ));
    if (identity) writeSecretFile(identity.files);
    roster.gateway = await startGateway(
      {
        paths,
        binary,
        contract,
        ports,
        faults,
        identity: identity?.files,
        secure: config.gatewayTls,
        tracing,
      },
      events,
    );
    roster.save();
    if (!(await gatewayIsReady(roster.gateway, ports))) {
      throw new Error(`Envoy did not start: ${lastWords(paths, 'envoy')}`);
    }
  };

  // Both to their end, even if one fails: what either has started must be known when all is stopped.
  const [started, opened] = await Promise.allSettled([
    startServices(),
    mesh === 'none' ? undefined : progress.step('Envoy', openGateway, () => `${loopback}:${ports.gateway}`),
  ]);
  if (opened.status === 'rejected') throw opened.reason;
  if (started.status === 'rejected') throw started.reason;
  // Not before: the first instances would answer that they can't reach the others yet, and gateways leave out for
  // some seconds whoever answers so again and again.
  registry.open();
  if (mesh !== 'none') {
    await progress.step(
      'All of it',
      () => untilReachable(`${loopback}:${ports.gateway}`, serviceNames(contract), signal),
      () => 'serves through the gateway',
    );
  }
  const { prometheus } = options;
  if (prometheus !== undefined)
    await progress.step(
      'Prometheus',
      () => startPrometheus({ paths, ...prometheus }, events, roster),
      () => `http://${loopback}:${prometheus.port}`,
    );
  roster.ready = true;
  roster.save();
  return started.value;
}
