import { Cure } from './cure.ts';
import type { Instance } from './instance.ts';
import type { Paths } from './paths.ts';
import { untilServing } from './readiness.ts';
import type { Version } from './versions.ts';

/** A service's instances. Their number can change, and all can be exchanged, without a failed call. */
export interface Deployment {
  readonly service: string;
  /** What its instances' names begin with: `order`, `order-canary`. */
  readonly name: string;
  version(): Version;
  readonly instances: readonly Instance[];
  /** Starts instances or drains the youngest until there are `replicas`; resolves when all serve. */
  scale(replicas: number, signal?: AbortSignal): Promise<void>;
  /** Exchanges one instance after the other, for some of `version`: a new one serves before the old one is drained. */
  restart(version?: Version): Promise<void>;
  /** Drains and ends all. */
  stop(): Promise<void>;
}

/** The most instances of a service on one machine. */
export const MAX_REPLICAS = 8;

/** What a deployment is made of. */
export interface DeploymentParts {
  readonly service: string;
  readonly name: string;
  /** The version that it begins with. */
  readonly version: Version;
  readonly paths: Paths;
  /** Starts the instance of this name, and doesn't wait until it serves. */
  start(name: string, version: Version): Promise<Instance>;
  /** Called when there is one more or one less. */
  changed(): void;
}

/** A deployment without instances yet. One change at a time: a further one waits. */
export function createDeployment({
  service,
  name,
  paths,
  start,
  changed,
  ...parts
}: DeploymentParts): Deployment {
  let { version } = parts;
  const instances: Instance[] = [];
  let last: Promise<void> = Promise.resolve();
  const inTurn = (change: () => Promise<void>): Promise<void> => {
    const mine = last.then(change);
    last = mine.catch(() => {});
    return mine;
  };

  async function add(): Promise<Instance> {
    const taken = new Set(instances.map((instance) => instance.name));
    let number = 1;
    while (taken.has(`${name}-${number}`)) number++;
    const instance = await start(`${name}-${number}`, version);
    instances.push(instance);
    changed();
    return instance;
  }

  async function remove(instance: Instance): Promise<void> {
    await instance.stop();
    instances.splice(instances.indexOf(instance), 1);
    changed();
  }

  const serving = (some: readonly Instance[], signal = new AbortController().signal) =>
    untilServing(some, paths, signal);

  return {
    service,
    name,
    version: () => version,
    instances,
    scale: (replicas, signal) =>
      inTurn(async () => {
        if (!Number.isInteger(replicas) || replicas < 1 || replicas > MAX_REPLICAS)
          throw new Cure(`REPLICAS must be a whole number from 1 to ${MAX_REPLICAS}`);
        while (instances.length < replicas) await add();
        // Not for those that go: one that can't start must not keep itself.
        await serving(instances.slice(0, replicas), signal);
        await Promise.all(instances.slice(replicas).map(remove));
      }),
    restart: (wanted = version) =>
      inTurn(async () => {
        const before = version;
        version = wanted;
        for (const old of [...instances]) {
          const fresh = await add();
          try {
            await serving([fresh]);
          } catch (cause) {
            // What serves stays, and what can't start doesn't: the next try begins like this one.
            version = before;
            await remove(fresh);
            throw cause;
          }
          await remove(old);
        }
      }),
    stop: () =>
      inTurn(async () => {
        await Promise.all([...instances].map(remove));
      }),
  };
}
