import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GatewayOptions, gatewayBootstrap } from '../envoy/bootstrap.ts';
import { type MethodRoute, readContractFile } from '../envoy/contract.ts';
import { readConfig } from '../local/config.ts';
import { envoyIsReady, startEnvoy, stopEnvoy } from '../local/envoy.ts';
import { installEnvoy } from '../local/envoy-binary.ts';
import { freePort, loopback } from '../local/free-port.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { createRegistry, type Registry } from '../local/registry.ts';
import { knownEndpoints } from './endpoints.ts';

/** A real Envoy as the gateway, without a shop behind it. */
export interface TestGateway {
  readonly contract: readonly MethodRoute[];
  readonly gatewayPort: number;
  readonly internalPort: number;
  readonly adminPort: number;
  readonly registry: Registry;
  /** Waits until Envoy calls as many instances of a service healthy. */
  untilHealthy(service: string, count: number): Promise<void>;
  /** The access log so far. Envoy writes it once a second. */
  accessLog(): Record<string, unknown>[];
  stop(): Promise<void>;
}

/** Starts the gateway on free ports, with no instances yet. */
export async function startTestGateway(
  options: Pick<GatewayOptions, 'rates' | 'limits' | 'secure' | 'faults'> = {},
): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'souk-gateway-'));
  const contract = readContractFile(descriptorSetFile);
  const registry = createRegistry(join(folder, 'eds'), [...new Set(contract.map(({ service }) => service))]);
  const ports = {
    gatewayPort: await freePort(),
    internalPort: await freePort(),
    adminPort: await freePort(),
  };
  const accessLogFile = join(folder, 'access.log');
  const envoy = await startEnvoy({
    binary: await installEnvoy(readConfig()),
    bootstrap: gatewayBootstrap({
      host: loopback,
      ...ports,
      contract,
      descriptorSetFile,
      endpointsFolder: join(folder, 'eds'),
      accessLogFile,
      ...options,
    }),
    bootstrapFile: join(folder, 'bootstrap.json'),
    logFile: join(folder, 'envoy.log'),
  });
  if (!(await envoyIsReady(ports.adminPort, envoy)))
    throw new Error(readFileSync(join(folder, 'envoy.log'), 'utf8'));
  return {
    contract,
    ...ports,
    registry,
    async untilHealthy(service, count) {
      const end = Date.now() + 10_000;
      for (;;) {
        const known = [...(await knownEndpoints(ports.adminPort, service)).values()];
        const healthy = known.filter(({ health }) => health === 'healthy');
        if (healthy.length === count) return;
        if (Date.now() > end)
          throw new Error(`${healthy.length} instances of ${service} are healthy, not ${count}`);
        await sleep(20);
      }
    },
    accessLog: () =>
      readFileSync(accessLogFile, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    stop: async () => {
      await stopEnvoy(envoy);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
