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
  /** An instance's part of its service's calls, of 1 altogether; 0 when it takes none. */
  share(service: string, instance: string): number;
  /** From now on `percent` of a service's calls, 0 to 100, go to its instances whose names begin with `canary`. */
  split(service: string, canary: string, percent: number): void;
  /** From now on who watches the folder `later` is told as well. */
  open(): void;
}

/**
 * A registry that keeps a file for each service in a folder that Envoy watches, and the same in a folder `later`, which
 * tells of nobody until it is opened. Each starts empty, as Envoy waits for them all before it opens its ports.
 */
export function createRegistry(folder: string, services: readonly string[], later?: string): Registry {
  for (const each of [folder, later ?? folder]) {
    mkdirSync(each, { recursive: true });
    for (const service of services) writeEndpoints(each, service, []);
  }
  const folders = [folder];
  const instances = new Map(services.map((service) => [service, new Map<string, Endpoint>()]));
  const of = (service: string) => {
    const found = instances.get(service);
    if (!found) throw new Error(`no service is called ${service}`);
    return found;
  };
  const canaries = new Map<string, { canary: string; percent: number }>();
  const told = (service: string): Endpoint[] => {
    const found = of(service);
    const split = canaries.get(service);
    return split ? weighted(found, split.canary, split.percent) : [...found.values()];
  };
  const write = (service: string): void => {
    for (const each of folders) writeEndpoints(each, service, told(service));
  };
  return {
    add(service, instance, endpoint) {
      const known = of(service).get(instance);
      if (known?.host === endpoint.host && known.port === endpoint.port) return;
      of(service).set(instance, endpoint);
      write(service);
    },
    remove(service, instance) {
      if (of(service).delete(instance)) write(service);
    },
    serving: (service) => [...of(service).keys()],
    share(service, instance) {
      const endpoint = of(service).get(instance);
      const all = told(service);
      const weight = ({ host, port }: Endpoint) =>
        all.find((one) => one.host === host && one.port === port)?.weight ?? 1;
      if (!endpoint || !all.some(({ port }) => port === endpoint.port)) return 0;
      return weight(endpoint) / all.reduce((sum, one) => sum + weight(one), 0);
    },
    split(service, canary, percent) {
      canaries.set(service, { canary, percent });
      write(service);
    },
    open() {
      if (later === undefined || folders.includes(later)) return;
      folders.push(later);
      for (const service of services) write(service);
    },
  };
}

/** Weights by which the canary's instances get `percent` of the calls together, unless only one kind takes calls. */
function weighted(instances: ReadonlyMap<string, Endpoint>, canary: string, percent: number): Endpoint[] {
  const isCanary = ([name]: [string, Endpoint]) => name.startsWith(canary);
  const entries = [...instances];
  const share = (group: [string, Endpoint][], part: number): Endpoint[] =>
    part === 0
      ? []
      : group.map(([, endpoint]) => ({
          ...endpoint,
          weight: Math.max(1, Math.round((part * 100) / group.length)),
        }));
  const [canaries, others] = [entries.filter(isCanary), entries.filter((entry) => !isCanary(entry))];
  if (canaries.length === 0 || others.length === 0) return [...instances.values()];
  return [...share(others, 100 - percent), ...share(canaries, percent)];
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
