import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority } from './authority.ts';
import type { Workload } from './spiffe.ts';

/** The files of one proxy's identity, which Envoy reads again whenever they change. */
export interface IdentityFiles {
  /** The folder in which `current` is exchanged: the one to watch. */
  readonly folder: string;
  /** The authority's certificate. */
  readonly root: string;
  readonly certificate: string;
  readonly key: string;
}

/** How long a certificate is good for. */
const LIFETIME_MS = 60 * 60 * 1000;
/** A third of its life: two renewals may fail, or whoever renews be away for 40 minutes, before calls do. */
const RENEW_EVERY_MS = LIFETIME_MS / 3;

/** A proxy's identity, renewed until it is closed. */
export interface Identity {
  readonly files: IdentityFiles;
  /** Replaces certificate and key now. */
  renew(): Promise<void>;
  close(): void;
}

/**
 * Keeps a certificate of `workload` in `folder`, which nobody else can read.
 *
 * @param failed is told of a renewal that failed; the next is due after as long again
 * @param lifetimeMs how long each certificate is good for; renewed in the same rhythm whatever it is
 */
export async function keepIdentity(
  authority: Authority,
  workload: Workload,
  folder: string,
  failed: (cause: unknown) => void,
  lifetimeMs = LIFETIME_MS,
): Promise<Identity> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const current = join(folder, 'current');
  const files = {
    folder,
    root: join(folder, 'root.pem'),
    certificate: join(current, 'certificate.pem'),
    key: join(current, 'key.pem'),
  };
  writeFileSync(files.root, authority.root);

  let generation = 0;
  const renew = async (): Promise<void> => {
    const { certificate, key } = await authority.issue(workload, lifetimeMs);
    const mine = String(++generation);
    mkdirSync(join(folder, mine), { mode: 0o700 });
    writeFileSync(join(folder, mine, 'certificate.pem'), certificate);
    writeFileSync(join(folder, mine, 'key.pem'), key, { mode: 0o600 });
    // Both change in one step: a proxy that read the new key with the old certificate would refuse them.
    const draft = join(folder, `.${mine}`);
    symlinkSync(mine, draft);
    renameSync(draft, current);
    // The one before may be being read just now.
    rmSync(join(folder, String(generation - 2)), { recursive: true, force: true });
  };
  await renew();
  const timer = setInterval(() => void renew().catch(failed), RENEW_EVERY_MS);
  timer.unref();
  return { files, renew, close: () => clearInterval(timer) };
}
