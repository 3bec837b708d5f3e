import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Mesh } from './config.ts';
import type { Paths } from './paths.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';
import type { Wiring } from './wiring.ts';

/** One process of the shop. */
export interface ProcessRecord extends ProcessIdentity {
  /** `order-1`, `order-1-sidecar`, `envoy`, `postgres`, `postgres-standby`, `nats` */
  readonly name: string;
  readonly kind: 'service' | 'sidecar' | 'envoy' | 'postgres' | 'nats' | 'prometheus';
  readonly service?: string;
  readonly port: number;
  readonly metricsPort?: number;
  /** Of a sidecar: Envoy's own pages. */
  readonly adminPort?: number;
  /** When it was started, in milliseconds since the epoch. */
  readonly since: number;
}

/** What runs, for commands given in another terminal, and for the next launcher if this one is killed. */
export interface ShopState {
  readonly launcher: ProcessIdentity;
  readonly since: number;
  /** Whether everything has served at least once. */
  readonly ready: boolean;
  readonly mesh: Mesh;
  /** Where the services call each other. */
  readonly addresses: Wiring['addresses'];
  /** 0 without a gateway, as is adminPort. */
  readonly gatewayPort: number;
  readonly adminPort: number;
  /** Of the server that takes writes. */
  readonly postgresPort: number;
  /** Of the server beside it, where there are two. */
  readonly postgresStandbyPort?: number;
  /** Whether each commit is on both of them. */
  readonly synchronous?: boolean;
  readonly processes: readonly ProcessRecord[];
}

/** The state as last written; undefined if nothing was ever started or all was stopped. */
export function readState(paths: Paths): ShopState | undefined {
  try {
    return JSON.parse(readFileSync(paths.state, 'utf8')) as ShopState;
  } catch {
    return undefined;
  }
}

/** Replaces the state in one step, synchronously: no process is started without being written down. */
export function writeState(paths: Paths, state: ShopState): void {
  const draft = `${paths.state}.draft`;
  writeFileSync(draft, `${JSON.stringify(state, undefined, 2)}\n`);
  renameSync(draft, paths.state);
}

/** Forgets the state: nothing runs any more. */
export function removeState(paths: Paths): void {
  rmSync(paths.state, { force: true });
}

/** The launcher that holds a home; undefined if none does. */
export function lockHolder(paths: Paths): ProcessIdentity | undefined {
  const holder = readLock(paths);
  return holder && isAlive(holder) ? holder : undefined;
}

/**
 * Takes a home for this process, so that two launchers never run one shop.
 *
 * @returns a function that gives it back; undefined if another launcher holds it
 */
export function lock(paths: Paths): (() => void) | undefined {
  const mine = identify(process.pid) as ProcessIdentity;
  const draft = `${paths.lock}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(mine));
  try {
    for (;;) {
      try {
        linkSync(draft, paths.lock);
        return () => rmSync(paths.lock, { force: true });
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      }
      if (lockHolder(paths)) return undefined;
      // Stale. It is moved away, not removed: should another launcher have taken it over since we looked, what we
      // moved is that launcher's, and goes back.
      const taken = `${draft}.taken`;
      try {
        renameSync(paths.lock, taken);
        const moved = JSON.parse(readFileSync(taken, 'utf8')) as ProcessIdentity;
        if (isAlive(moved)) linkSync(taken, paths.lock);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' && !(cause instanceof SyntaxError))
          throw cause;
      } finally {
        rmSync(taken, { force: true });
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function readLock(paths: Paths): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(paths.lock, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
