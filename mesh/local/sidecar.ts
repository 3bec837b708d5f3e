import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROXY_RECONNECT_MS } from '../../platform/rpc/reconnect.ts';
import type { Method } from '../contract/method.ts';
import type { Tracing } from '../envoy/governance/tracing.ts';
import { rbacFilter } from '../envoy/rbac.ts';
import { sidecarBootstrap } from '../envoy/sidecar.ts';
import { writeSecretFile } from '../envoy/tls.ts';
import type { Authority } from '../identity/authority.ts';
import { keepIdentity } from '../identity/certificates.ts';
import type { PartEvents } from './data-tier.ts';
import { envoyIsReady, startEnvoy, stopEnvoy } from './envoy.ts';
import { freePort, loopback } from './free-port.ts';
import { accessLogFile } from './gateway.ts';
import { logFile, type Paths } from './paths.ts';
import type { Running } from './spawn-logged.ts';
import { supervise } from './supervise.ts';

/** How long, in milliseconds, a service may take to find that its sidecar is there. */
const noticeMs = 1.5 * PROXY_RECONNECT_MS;

/** What all sidecars of a shop have in common. */
export interface SidecarSettings {
  readonly paths: Paths;
  /** Envoy's. */
  readonly binary: string;
  readonly contract: readonly Method[];
  readonly authority: Authority;
  /** Shared by sidecars and services. */
  readonly secret: string;
  readonly faults: boolean;
  /** Where spans go. Undefined: there are none. */
  readonly tracing: Tracing | undefined;
}

/** An Envoy beside one instance, kept alive. */
export interface Sidecar {
  /** `order-1-sidecar` */
  readonly name: string;
  /** Where others call the instance, over mTLS. */
  readonly inboundPort: number;
  /** Where the instance calls others. */
  readonly outboundPort: number;
  readonly adminPort: number;
  /** Whether it takes calls. */
  ready(): boolean;
  running(): Running | undefined;
  stop(): Promise<void>;
}

/**
 * Starts the sidecar of an instance whose service listens, or will, on `servicePort`, and doesn't wait until it is
 * ready. `changed` is called whenever that changes.
 */
export async function startSidecar(
  instance: { readonly name: string; readonly service: string; readonly servicePort: number },
  settings: SidecarSettings,
  { changed, log, longestDelayMs }: PartEvents,
): Promise<Sidecar> {
  const { paths, binary, contract } = settings;
  const name = `${instance.name}-sidecar`;
  const ports = {
    inboundPort: await freePort(),
    outboundPort: await freePort(),
    adminPort: await freePort(),
  };
  const folder = join(paths.identities, instance.name);
  const identity = await keepIdentity(settings.authority, instance.service, folder, (cause) =>
    log(`the certificate of ${name} can't be renewed (${cause})`),
  );
  writeSecretFile(identity.files);
  const bootstrap = sidecarBootstrap({
    ...instance,
    ...ports,
    host: loopback,
    identity: identity.files,
    secret: settings.secret,
    contract,
    rbac: rbacFilter(contract, instance.service),
    endpointsFolder: paths.endpoints,
    accessLogFile: accessLogFile(paths),
    faults: settings.faults,
    tracing: settings.tracing,
  });

  let ready = false;
  const setReady = (now: boolean): void => {
    ready = now;
    changed();
  };
  const start = async (): Promise<Running> => {
    const running = await startEnvoy({
      binary,
      bootstrap,
      bootstrapFile: join(paths.run, 'envoy', `${name}.json`),
      logFile: logFile(paths, name),
    });
    let gone = false;
    void running.exited.then(() => {
      gone = true;
      setReady(false);
    });
    void envoyIsReady(ports.adminPort, running).then(async (came) => {
      // Calls that come before the service can make its own would fail.
      if (came) await sleep(noticeMs);
      if (came && !gone) setReady(true);
    });
    return running;
  };
  const supervised = await supervise(start, {
    longestDelayMs,
    restarted: changed,
    died: (how, delay) => log(`${name} died (${how}), starts again in ${delay} ms`),
    failed: (cause, delay) => log(`${name} can't be started (${cause}), next try in ${delay} ms`),
  });
  return {
    name,
    ...ports,
    ready: () => ready,
    running: supervised.current,
    async stop() {
      identity.close();
      await supervised.stop(stopEnvoy);
    },
  };
}
