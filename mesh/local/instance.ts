import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, loopback } from './free-port.ts';
import { watchHealth } from './health.ts';
import { signal, stopProcess } from './process-identity.ts';
import type { Registry } from './registry.ts';
import { drainTimeoutMs, instanceEnvironment } from './service-environment.ts';
import type { Sidecar } from './sidecar.ts';
import { type Running, spawnLogged } from './spawn-logged.ts';
import { supervise } from './supervise.ts';

/** What an instance is started from. */
export interface InstanceOptions {
  /** `order-1` */
  readonly name: string;
  readonly service: string;
  /** The program's file. */
  readonly entry: string;
  readonly cwd: string;
  /** The service's environment; the instance's own part is added. */
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  readonly registry: Registry;
  /** The only port that it may have. Undefined: any free one, and the same again where it can be had. */
  readonly port?: number | undefined;
  /** What takes its calls in its place. Undefined: it does itself. */
  readonly sidecar?: Sidecar | undefined;
  /** Called after each death, further start and change of health. */
  changed(): void;
  /** One line on what happened, for the launcher's log. */
  log(line: string): void;
  /** The longest pause, in milliseconds, before it is started again. Default 10 s. */
  readonly longestDelayMs?: number | undefined;
}

/** One process of a service, kept alive, registered while it serves. */
export interface Instance {
  readonly name: string;
  readonly service: string;
  port(): number;
  metricsPort(): number;
  serving(): boolean;
  /** Its part of its service's calls, of 1 altogether; 0 when it takes none. */
  share(): number;
  running(): Running | undefined;
  /** How often it has ended by itself. */
  deaths(): number;
  readonly sidecar: Sidecar | undefined;
  /** Registers it if it can be called now, and takes it out if not; to be called when that may have changed. */
  refresh(): void;
  /** Whether it is kept out of the registry, though it may serve. */
  resting(): boolean;
  /** Takes it out of the registry while it goes on, or lets it back in. */
  rest(resting: boolean): void;
  /** Sends a signal to its process; false if there is none. */
  kill(name: NodeJS.Signals): boolean;
  /** Takes it out of the registry, lets it finish its calls, and ends it. */
  stop(): Promise<void>;
}

/** How long, in milliseconds, Envoy may take to act on a change of its endpoint files (measured: 59). */
const settleMs = 150;

/** Starts an instance. It is registered when it reports SERVING, which this doesn't wait for. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { name, service, registry, sidecar, log } = options;
  let port: number | undefined;
  let metricsPort: number | undefined;
  let serving = false;
  let stopping = false;
  let resting = false;

  const reachable = () => serving && (sidecar?.ready() ?? true);
  const refresh = () => {
    if (stopping) return;
    if (reachable() && !resting)
      registry.add(service, name, { host: loopback, port: sidecar?.inboundPort ?? (port as number) });
    else registry.remove(service, name);
    options.changed();
  };
  const setServing = (now: boolean) => {
    serving = now;
    refresh();
  };

  const start = async (): Promise<Running> => {
    port = options.port ?? (await freePort(port));
    metricsPort = await freePort(metricsPort);
    const running = await spawnLogged({
      command: process.execPath,
      args: [options.entry],
      env: { ...options.env, ...instanceEnvironment(name, port, metricsPort) },
      cwd: options.cwd,
      logFile: options.logFile,
    });
    const health = watchHealth(`${loopback}:${port}`, (now) => {
      if (!now && !stopping) log(`${name} serves no more`);
      setServing(now);
    });
    void running.exited.then(() => {
      health.stop();
      setServing(false);
    });
    return running;
  };

  const supervised = await supervise(start, {
    longestDelayMs: options.longestDelayMs,
    restarted: options.changed,
    died: (how, delay) => log(`${name} died (${how}), starts again in ${delay} ms`),
    failed: (cause, delay) => log(`${name} can't be started (${cause}), next try in ${delay} ms`),
  });
  return {
    name,
    service,
    port: () => port as number,
    metricsPort: () => metricsPort as number,
    serving: reachable,
    share: () => registry.share(service, name),
    sidecar,
    refresh,
    running: () => supervised.current(),
    deaths: () => supervised.deaths(),
    resting: () => resting,
    rest: (now) => {
      resting = now;
      refresh();
    },
    kill: (how) => {
      const running = supervised.current();
      return running !== undefined && signal(running.identity, how);
    },
    stop: async () => {
      stopping = true;
      // First out of the registry, so that no call is sent to a process that takes none any more.
      registry.remove(service, name);
      if (serving) await sleep(settleMs);
      await supervised.stop(({ identity }) => stopProcess(identity, [['SIGTERM', drainTimeoutMs + 2_000]]));
      await sidecar?.stop();
    },
  };
}
