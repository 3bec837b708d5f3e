import { findPostmasters } from './clusters.ts';
import type { LauncherConfig } from './config.ts';
import { findLeftovers, stopLeftovers } from './leftovers.ts';
import { pathsIn } from './paths.ts';
import { signal, waitForExit } from './process-identity.ts';
import { lockHolder } from './state.ts';

/** Longer than services, Envoy and PostgreSQL may take one after the other. */
const patienceMs = 120_000;

/** Stops the shop, whether its launcher runs or was killed. Nothing happens if nothing runs. */
export async function down({ home }: LauncherConfig, print: (line: string) => void): Promise<number> {
  const paths = pathsIn(home);
  const launcher = lockHolder(paths);
  if (launcher) {
    print('Stopping the shop.');
    signal(launcher, 'SIGTERM');
    if (!(await waitForExit(launcher, patienceMs))) {
      print('The launcher does not stop: killed.');
      signal(launcher, 'SIGKILL');
      await waitForExit(launcher, 5_000);
    }
  }
  if (findLeftovers(paths).length > 0 || findPostmasters(paths).length > 0) {
    const count = await stopLeftovers(paths);
    print(`Stopped ${count} processes of a launcher that was killed.`);
  } else if (!launcher) {
    print('Nothing runs.');
    return 0;
  }
  print('Stopped. The data is kept.');
  return 0;
}
