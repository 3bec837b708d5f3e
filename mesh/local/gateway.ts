import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Method } from '../contract/method.ts';
import { gatewayBootstrap } from '../envoy/bootstrap.ts';
import { limitsOn } from '../envoy/governance/circuit-breakers.ts';
import type { Tracing } from '../envoy/governance/tracing.ts';
import { serverTls } from '../envoy/tls.ts';
import type { IdentityFiles } from '../identity/certificates.ts';
import { repository, type SecureGateway } from './config.ts';
import type { Part, PartEvents } from './data-tier.ts';
import { envoyIsReady, startEnvoy, stopEnvoy } from './envoy.ts';
import { loopback } from './free-port.ts';
import { logFile, type Paths } from './paths.ts';
import { supervise } from './supervise.ts';

/** The contract as a FileDescriptorSet. */
export const descriptorSetFile = join(repository, 'gen', 'souk.binpb');

/** Ports of the gateway. `internal` is 0 where services have sidecars. */
export interface GatewayPorts {
  readonly gateway: number;
  readonly internal: number;
  readonly admin: number;
}

/** The log of calls, one JSON line each. */
export function accessLogFile(paths: Paths): string {
  return logFile(paths, 'access');
}

/**
 * Starts the gateway's Envoy and keeps it running; gatewayIsReady waits for its ports. The registry's files must
 * exist already.
 */
export async function startGateway(
  options: {
    paths: Paths;
    binary: string;
    contract: readonly Method[];
    ports: GatewayPorts;
    faults: boolean;
    /** Where it is served over TLS too, and by which certificate; absent: nowhere. */
    secure: SecureGateway | undefined;
    /** Who the gateway is to sidecars; absent where there are none. */
    identity: IdentityFiles | undefined;
    /** Where spans go; absent: there are none. */
    tracing: Tracing | undefined;
  },
  { changed, log, longestDelayMs }: PartEvents,
): Promise<Part> {
  const { paths, binary, contract, ports, faults, identity, secure } = options;
  const bootstrap = gatewayBootstrap({
    host: loopback,
    gatewayPort: ports.gateway,
    secure: secure && { ...secure, tls: serverTls(secure, join(paths.run, 'gateway-certificate.json')) },
    ...(identity ? { identity } : { internalPort: ports.internal }),
    adminPort: ports.admin,
    contract,
    descriptorSetFile,
    // Services that have no sidecars call each other through here, from the first moment.
    endpointsFolder: identity ? paths.gatewayEndpoints : paths.endpoints,
    accessLogFile: accessLogFile(paths),
    limits: limitsOn(availableParallelism(), contract),
    faults,
    tracing: options.tracing,
  });
  const start = () =>
    startEnvoy({
      binary,
      bootstrap,
      bootstrapFile: paths.bootstrap,
      logFile: logFile(paths, 'envoy'),
    });
  const supervised = await supervise(start, {
    longestDelayMs,
    restarted: changed,
    died: (how, delay) => {
      log(`envoy died (${how}), starts again in ${delay} ms`);
      changed();
    },
    failed: (cause, delay) => log(`envoy can't be started (${cause}), next try in ${delay} ms`),
  });
  return { port: ports.gateway, running: supervised.current, stop: () => supervised.stop(stopEnvoy) };
}

/** Waits until the gateway's ports are open; false if its Envoy ends before. */
export async function gatewayIsReady(gateway: Part, ports: GatewayPorts): Promise<boolean> {
  const running = gateway.running();
  return running !== undefined && (await envoyIsReady(ports.admin, running));
}
