import { accessSync, constants, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Cure } from './cure.ts';

/** Where a shop on one machine keeps what. */
export interface Paths {
  readonly home: string;
  /** PostgreSQL's cluster. */
  readonly postgres: string;
  /** The broker's streams. */
  readonly nats: string;
  readonly logs: string;
  readonly run: string;
  readonly secrets: string;
  /** The certificates of Envoys. */
  readonly identities: string;
  readonly cache: string;
  /** Checkouts of other versions. */
  readonly versions: string;
  /** Envoy's bootstrap. */
  readonly bootstrap: string;
  /** The files by which Envoys find instances. */
  readonly endpoints: string;
  /** The same for a gateway that only strangers call. */
  readonly gatewayEndpoints: string;
  readonly state: string;
  readonly lock: string;
  /** The socket on which the launcher takes orders. */
  readonly control: string;
}

/** The layout of a home folder. */
export function pathsIn(home: string): Paths {
  const run = join(home, 'run');
  return {
    home,
    postgres: join(home, 'data', 'postgres'),
    nats: join(home, 'data', 'nats'),
    logs: join(home, 'logs'),
    run,
    secrets: join(home, 'secrets'),
    identities: join(run, 'identities'),
    cache: join(home, 'cache'),
    versions: join(home, 'versions'),
    bootstrap: join(run, 'envoy', 'bootstrap.json'),
    endpoints: join(run, 'envoy', 'eds'),
    gatewayEndpoints: join(run, 'envoy', 'eds-gateway'),
    state: join(run, 'state.json'),
    lock: join(run, 'launcher.lock'),
    control: join(run, 'control.sock'),
  };
}

/** The log file of a process, by its name: `order-1`, `postgres`, `envoy`, `nats`. */
export function logFile(paths: Paths, name: string): string {
  return join(paths.logs, `${name}.log`);
}

/**
 * Makes the folders.
 *
 * @throws Cure if the home folder can't be written
 */
export function prepareFolders(paths: Paths): void {
  try {
    for (const folder of [
      paths.logs,
      paths.endpoints,
      paths.secrets,
      paths.cache,
      join(paths.home, 'data'),
    ]) {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK | constants.X_OK);
    }
  } catch (cause) {
    const { code, path } = cause as NodeJS.ErrnoException;
    throw new Cure(
      `${path} can't be written (${code}): give yourself the right to, or set SOUK_HOME to another folder`,
    );
  }
}

/** Puts logs that have grown past 32 MiB aside, one generation of each: `order-1.log.1`. */
export function rotateLogs(paths: Paths): void {
  for (const name of readdirSync(paths.logs)) {
    const file = join(paths.logs, name);
    if (name.endsWith('.log') && statSync(file).size > 32 * 1024 * 1024) renameSync(file, `${file}.1`);
  }
}
