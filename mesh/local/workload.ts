import type { Method } from '../contract/method.ts';
import type { Tracing } from '../envoy/governance/tracing.ts';
import type { Authority } from '../identity/authority.ts';
import { Cure } from './cure.ts';
import type { PartEvents } from './data-tier.ts';
import { freePort } from './free-port.ts';
import { type Instance, startInstance } from './instance.ts';
import { logFile, type Paths } from './paths.ts';
import type { Registry } from './registry.ts';
import { type Surroundings, serviceEnvironment } from './service-environment.ts';
import { entryPoint, services } from './services.ts';
import { startSidecar } from './sidecar.ts';
import type { Version } from './versions.ts';
import { sharedAddress, type Wiring } from './wiring.ts';

/** What the instances of a shop are started with. */
export interface WorkloadSettings {
  readonly paths: Paths;
  readonly registry: Registry;
  readonly wiring: Wiring;
  readonly around: Omit<Surroundings, 'addresses'>;
  readonly contract: readonly Method[];
  /** Vouches for sidecars; undefined where there are none. */
  readonly authority: Authority | undefined;
  /** Envoy's. */
  readonly binary: string;
  readonly faults: boolean;
  /** Where Envoys' spans go. Undefined: there are none. */
  readonly tracing: Tracing | undefined;
  /** More environment for a service's processes. */
  readonly settings: Readonly<Record<string, NodeJS.ProcessEnv>> | undefined;
  /** The program of each service, in place of its version's own. */
  readonly entry: ((service: string) => string) | undefined;
  readonly events: PartEvents;
}

/** Starts an instance of a service, with its sidecar where the mesh has such; doesn't wait until it serves. */
export async function startWorkload(
  service: string,
  name: string,
  { folder }: Version,
  settings: WorkloadSettings,
): Promise<Instance> {
  const { paths, wiring, authority, around, events } = settings;
  const spec = services.find((one) => one.name === service);
  if (!spec) throw new Error(`no service is called ${service}`);
  if (wiring.mesh === 'none' && wiring.portOf(name) === undefined)
    throw new Cure(
      `without a mesh nobody would find ${name}: "make down", then start with MESH=gateway or another REPLICAS`,
    );
  let instance: Instance | undefined;
  // Its sidecar has to know where it will listen.
  const servicePort = wiring.portOf(name) ?? (authority && (await freePort()));
  const sidecar =
    authority && servicePort !== undefined
      ? await startSidecar(
          { name, service, servicePort },
          { ...settings, authority, secret: around.sidecarSecret },
          { ...events, changed: () => instance?.refresh() },
        )
      : undefined;
  const addresses = sidecar ? sharedAddress(sidecar.outboundPort) : wiring.addresses;
  try {
    instance = await startInstance({
      name,
      service,
      entry: settings.entry?.(service) ?? entryPoint(service, 'main', folder),
      cwd: folder,
      env: { ...serviceEnvironment(spec, { ...around, addresses }), ...settings.settings?.[service] },
      logFile: logFile(paths, name),
      registry: settings.registry,
      port: servicePort,
      sidecar,
      ...events,
    });
    return instance;
  } catch (cause) {
    // Nobody else knows of it.
    await sidecar?.stop();
    throw cause;
  }
}
