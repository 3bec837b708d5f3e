import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { discoveryResponse, type Endpoint } from '../envoy/endpoints.ts';
import { endpointsFile } from '../envoy/names.ts';

/** Tells Envoy which instances of each service take calls. */
export interface Registry {
  /** Lets an instance take calls, or moves it to another port. */
  add(service: string, instance: string, endpoint: Endpoint): void;
  /** Takes an instance out: no new call goes to it within about 100 ms. Nothing happens if it isn't in. */
  remove(service: string, instance: string): void;
  /** The names of the instances that take calls. */
  serving(service: string): string[];
}

/**
 * A registry that keeps a file for each service in a folder that Envoy watches. Each starts empty, as Envoy waits
 * for them all before it opens its ports.
 */
export function createRegistry(folder: string, services: readonly string[]): Registry {
  mkdirSync(folder, { recursive: true });
  const instances = new Map(services.map((service) => [service, new Map<string, Endpoint>()]));
  const of = (service: string) => {
    const found = instances.get(service);
    if (!found) throw new Error(`no service is called ${service}`);
    return found;
  };
  for (const service of services) writeEndpoints(folder, service, []);
  return {
    add(service, instance, endpoint) {
      const known = of(service).get(instance);
      if (known?.host === endpoint.host && known.port === endpoint.port) return;
      of(service).set(instance, endpoint);
      writeEndpoints(folder, service, [...of(service).values()]);
    },
    remove(service, instance) {
      if (of(service).delete(instance)) writeEndpoints(folder, service, [...of(service).values()]);
    },
    serving: (service) => [...of(service).keys()],
  };
}

/**
 * Replaces a service's file in one step: Envoy, which looks when a file is moved in, never reads half of one, and
 * would not notice a write in place. Synchronous, so that two changes can't overtake each other.
 */
export function writeEndpoints(folder: string, service: string, endpoints: readonly Endpoint[]): void {
  const file = join(folder, endpointsFile(service));
  const draft = join(folder, `.${endpointsFile(service)}.draft`);
  writeFileSync(draft, `${JSON.stringify(discoveryResponse(service, endpoints), undefined, 2)}\n`);
  renameSync(draft, file);
}
