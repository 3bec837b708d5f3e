import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { LauncherConfig } from './config.ts';
import { Cure } from './cure.ts';
import { findLeftovers } from './leftovers.ts';
import { pathsIn } from './paths.ts';
import { lockHolder } from './state.ts';

/** Removes all data, logs and secrets of the shop, after asking. Installed tools are kept. */
export async function reset({ home, yes }: LauncherConfig, print: (line: string) => void): Promise<number> {
  const paths = pathsIn(home);
  if (lockHolder(paths) || findLeftovers(paths).length > 0) {
    throw new Cure('the shop runs: "make down" first');
  }
  const data = join(home, 'data');
  if (!existsSync(data)) {
    print('There is no data.');
    return 0;
  }
  if (!yes) {
    if (!process.stdin.isTTY)
      throw new Cure('this removes all data, and there is no terminal to ask: set YES=1 if you mean it');
    const question = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await question.question(`Remove all users, products and orders in ${data}? [y/N] `);
    question.close();
    if (!/^y(es)?$/i.test(answer.trim())) {
      print('Nothing was removed.');
      return 0;
    }
  }
  // The data first: secrets without data are harmless, data without the database's password is locked.
  for (const folder of [data, paths.secrets, paths.logs, paths.run])
    rmSync(folder, { recursive: true, force: true });
  print('Removed. "make up" starts with an empty shop.');
  return 0;
}
