import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig, repository } from '../../local/config.ts';
import { Cure } from '../../local/cure.ts';
import { onPath } from '../../local/on-path.ts';

/** A program that reads a configuration in this folder, for its tests: they don't install it. */
export interface Program {
  /** Undefined: there is none. */
  readonly binary: string | undefined;
  /** For a test's title: why it is skipped, and what to do; empty if it isn't. */
  readonly skipped: string;
}

/** OTELCOL_BIN, else `otelcol-contrib` on the PATH (`otelcol` has no tail sampling), else what builder.yaml built. */
export const findCollector = (): Program =>
  find('OTELCOL_BIN', 'otelcol-contrib', 'build one as builder.yaml says, or name one', [
    join(repository, '.souk', 'tools', 'otelcol', 'otelcol'),
  ]);

/** FLUENT_BIT_BIN, else one on the PATH. */
export const findFluentBit = (): Program => find('FLUENT_BIT_BIN', 'fluent-bit', 'install one, or name one');

function find(variable: string, name: string, cure: string, own: readonly string[] = []): Program {
  const { inherited, path } = readConfig();
  const named = inherited[variable];
  if (named && !existsSync(named)) throw new Cure(`${variable} names ${named}, which isn't there: ${cure}`);
  const binary = named || [...onPath(name, path), ...own].find(existsSync);
  return { binary, skipped: binary ? '' : ` (skipped: there is no ${name}: ${cure} by ${variable})` };
}
