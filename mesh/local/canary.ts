import { Cure } from './cure.ts';
import type { Deployment } from './deployment.ts';
import type { Registry } from './registry.ts';
import type { Version } from './versions.ts';

/** A new version of a service beside the old one, with a part of its calls. */
export interface Canaries {
  /** Starts it, or changes its part: `percent` of the calls, 1 to 99. */
  begin(service: string, version: Version, percent: number): Promise<void>;
  /** The new version becomes the service's: its instances are exchanged one by one, and the canary goes. */
  promote(service: string): Promise<void>;
  /** Takes the calls away from it, and ends it. */
  rollBack(service: string): Promise<void>;
}

/** What canaries stand on. */
export interface CanaryParts {
  readonly registry: Registry;
  /** The service's own instances. Throws Cure when there is no such service. */
  deployment(service: string): Deployment;
  /** Makes a deployment, without instances yet, whose instances are called `<name>-1` and so on. */
  deploy(service: string, name: string, version: Version): Deployment;
  /** Forgets a deployment that has no instances any more. */
  forget(deployment: Deployment): void;
}

/** The canaries of a shop: one for each service at most. One change of a service's canary at a time: a further one waits. */
export function createCanaries({ registry, deployment, deploy, forget }: CanaryParts): Canaries {
  const canaries = new Map<string, Deployment>();
  const last = new Map<string, Promise<void>>();
  const inTurn = (service: string, change: () => Promise<void>): Promise<void> => {
    const mine = (last.get(service) ?? Promise.resolve()).then(change);
    last.set(
      service,
      mine.catch(() => {}),
    );
    return mine;
  };
  const existing = (service: string): Deployment => {
    const { name } = deployment(service);
    const canary = canaries.get(name);
    if (!canary) throw new Cure(`${name} has no canary: make canary SERVICE=${name} VERSION=… PERCENT=10`);
    return canary;
  };
  const end = async (canary: Deployment): Promise<void> => {
    registry.split(canary.service, canary.name, 0);
    await canary.stop();
    forget(canary);
    canaries.delete(canary.service);
  };

  return {
    begin: (service, version, percent) =>
      inTurn(service, async () => {
        if (!Number.isInteger(percent) || percent < 1 || percent > 99)
          throw new Cure('PERCENT must be a whole number from 1 to 99');
        const { name } = deployment(service);
        const old = canaries.get(name);
        if (old && old.version().folder !== version.folder)
          throw new Cure(`${name} has a canary of ${old.version().name}: promote it or roll it back first`);
        const canary = old ?? deploy(name, `${name}-canary`, version);
        canaries.set(name, canary);
        registry.split(name, canary.name, percent);
        try {
          await canary.scale(1);
        } catch (cause) {
          await end(canary);
          throw cause;
        }
      }),
    promote: (service) =>
      inTurn(service, async () => {
        const canary = existing(service);
        await deployment(service).restart(canary.version());
        await end(canary);
      }),
    rollBack: (service) => inTurn(service, async () => end(existing(service))),
  };
}
