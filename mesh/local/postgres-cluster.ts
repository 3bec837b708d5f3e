import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Cure } from './cure.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { type Unprivileged, unprivileged } from './unprivileged.ts';

/**
 * Makes sure that `dataDir` holds a cluster, made on the first start: UTF-8, C.UTF-8 collation by
 * PostgreSQL's own provider (the same order on every machine), password log-in only.
 *
 * @param password of the superuser `postgres`; used on the first start
 * @returns how to run the server on it
 */
export async function prepareCluster(
  binaries: PostgresBinaries,
  dataDir: string,
  password: string,
  durable: boolean,
): Promise<Unprivileged> {
  if (!isCluster(dataDir)) {
    mkdirSync(dirname(dataDir), { recursive: true });
    const user = unprivileged([binaries.postgres, dataDir]);
    await initialise(binaries, dataDir, password, durable, user);
    return user;
  }
  return unprivileged([binaries.postgres, dataDir], statSync(dataDir));
}

function isCluster(dataDir: string): boolean {
  try {
    return statSync(join(dataDir, 'PG_VERSION')).isFile();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    throw new Cure(`${dataDir} can't be read (${code}): run as the user who made it, or as root`);
  }
}

async function initialise(
  binaries: PostgresBinaries,
  dataDir: string,
  password: string,
  durable: boolean,
  user: Unprivileged,
): Promise<void> {
  // Made beside its place and moved in whole: an initdb that was killed leaves no half of a cluster.
  const draft = `${dataDir}.new`;
  const passwordFile = `${dataDir}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user.owner) {
    chownSync(draft, user.owner.uid, user.owner.gid);
    chownSync(passwordFile, user.owner.uid, user.owner.gid);
  }
  const { command, args, options } = user.wrap(binaries.initdb, [
    `--pgdata=${draft}`,
    '--username=postgres',
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--locale=C.UTF-8',
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ]);
  const child = spawn(command, args, { ...options, cwd: '/', env: {}, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  rmSync(passwordFile, { force: true });
  if (code !== 0) {
    rmSync(draft, { recursive: true, force: true });
    throw new Error(`initdb failed: ${stderr.trim()}`);
  }
  renameSync(draft, dataDir);
}
