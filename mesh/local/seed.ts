import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type LauncherConfig, repository } from './config.ts';
import { Cure } from './cure.ts';
import { pathsIn } from './paths.ts';
import { secretsIn } from './secrets.ts';
import { serviceEnvironment } from './service-environment.ts';
import { entryPoint, services } from './services.ts';
import { lockHolder, readState } from './state.ts';

/** Runs the seed program of each service that has one, with that service's environment. The shop must run. */
export async function seed({ home, inherited }: LauncherConfig): Promise<number> {
  const paths = pathsIn(home);
  const state = readState(paths);
  if (!state?.ready || !lockHolder(paths)) throw new Cure('the shop doesn\'t run: "make up" first');
  const around = { paths, secrets: secretsIn(paths.secrets), sidecarSecret: '', inherited, ...state };
  for (const service of services) {
    const program = entryPoint(service.name, 'seed');
    if (!existsSync(program)) continue;
    const child = spawn(process.execPath, [program], {
      cwd: repository,
      env: { ...serviceEnvironment(service, around), INSTANCE: `${service.name}-seed` },
      stdio: 'inherit',
    });
    const [code] = await once(child, 'exit');
    if (code !== 0) return code ?? 1;
  }
  return 0;
}
