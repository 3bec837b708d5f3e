import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readContractFile } from '../envoy/contract.ts';
import type { Resource } from '../envoy/resource.ts';
import { sidecarBootstrap } from '../envoy/sidecar.ts';
import { writeSecretFile } from '../envoy/tls.ts';
import type { Authority } from '../identity/authority.ts';
import { type Identity, keepIdentity } from '../identity/certificates.ts';
import { readConfig } from '../local/config.ts';
import { envoyIsReady, startEnvoy, stopEnvoy } from '../local/envoy.ts';
import { installEnvoy } from '../local/envoy-binary.ts';
import { freePort, loopback } from '../local/free-port.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { signal } from '../local/process-identity.ts';
import { createRegistry, type Registry } from '../local/registry.ts';

/** The shared secret of test sidecars and their services. */
export const SECRET = 'the sidecar of a test';

/** A real Envoy as one instance's sidecar. */
export interface TestSidecar {
  readonly inboundPort: number;
  readonly outboundPort: number;
  readonly adminPort: number;
  readonly identity: Identity;
  /** Ends it as kill -9 would. */
  kill(): Promise<void>;
  /** Starts it anew after that, on the same ports, as the launcher would. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** Sidecars with one registry. */
export function createTestMesh(services: readonly string[]): {
  readonly registry: Registry;
  start(options: {
    name: string;
    servicePort: number;
    authority: Authority;
    rbac: Resource;
    /** Whom the certificate names; default: the service. */
    workload?: string;
    /** How long its certificate is good for; negative: it has expired. Default: an hour. */
    lifetimeMs?: number;
  }): Promise<TestSidecar>;
  stop(): Promise<void>;
} {
  const folder = mkdtempSync(join(tmpdir(), 'souk-sidecars-'));
  const registry = createRegistry(join(folder, 'eds'), services);
  const started: TestSidecar[] = [];

  return {
    registry,
    async start({ name, servicePort, authority, rbac, workload, lifetimeMs }) {
      const service = name.replace(/-\d+$/, '');
      const own = join(folder, name);
      const identity = await keepIdentity(authority, workload ?? service, own, () => {}, lifetimeMs);
      writeSecretFile(identity.files);
      const ports = {
        inboundPort: await freePort(),
        outboundPort: await freePort(),
        adminPort: await freePort(),
      };
      const options = {
        binary: await installEnvoy(readConfig()),
        bootstrap: sidecarBootstrap({
          name,
          service,
          host: loopback,
          servicePort,
          ...ports,
          identity: identity.files,
          secret: SECRET,
          contract: readContractFile(descriptorSetFile),
          rbac,
          endpointsFolder: join(folder, 'eds'),
          accessLogFile: join(folder, `${name}-access.log`),
        }),
        bootstrapFile: join(folder, `${name}.json`),
        logFile: join(folder, `${name}.log`),
      };
      const start = async () => {
        const running = await startEnvoy(options);
        if (!(await envoyIsReady(ports.adminPort, running)))
          throw new Error(readFileSync(options.logFile, 'utf8'));
        return running;
      };
      let envoy = await start();
      const sidecar = {
        ...ports,
        identity,
        kill: async () => {
          signal(envoy.identity, 'SIGKILL');
          await envoy.exited;
        },
        startAgain: async () => {
          envoy = await start();
        },
        stop: async () => {
          identity.close();
          await stopEnvoy(envoy);
        },
      };
      started.push(sidecar);
      return sidecar;
    },
    async stop() {
      await Promise.all(started.map((sidecar) => sidecar.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
