import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Cure } from './cure.ts';
import type { Paths } from './paths.ts';
import { findPostmaster, type Postmaster } from './postmaster.ts';

/** The folders of a home's clusters. The second is there as soon as there was a standby. */
export const clusters = ['postgres', 'postgres-2'] as const;
export type Cluster = (typeof clusters)[number];

/** Which cluster holds the data, and what the other one is good for. */
export interface Lead {
  readonly primary: Cluster;
  /**
   * `synchronous`: has all that was ever acknowledged, and may take the primary's place. `behind`: is a copy that can
   * catch up, and may not. `none`: is of no use, or not there.
   */
  readonly standby: 'synchronous' | 'behind' | 'none';
}

/** The folder of a cluster. */
export function clusterFolder(paths: Paths, cluster: Cluster): string {
  return join(dirname(paths.postgres), cluster);
}

/** The servers that run on a home's clusters, whoever started them. */
export function findPostmasters(paths: Paths): Postmaster[] {
  return clusters.flatMap((cluster) => findPostmaster(clusterFolder(paths, cluster)) ?? []);
}

/** The cluster that is not `cluster`. */
export function otherThan(cluster: Cluster): Cluster {
  return cluster === 'postgres' ? 'postgres-2' : 'postgres';
}

/**
 * Reads which cluster holds the data.
 *
 * @throws Cure if there are two, and nothing tells
 */
export function readLead(paths: Paths): Lead {
  const file = leadFile(paths);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Lead;
  if (existsSync(clusterFolder(paths, 'postgres-2'))) {
    throw new Cure(
      `${file} is missing, which tells whether postgres or postgres-2 beside it holds the data: put it back, or move the folder that you can do without elsewhere`,
    );
  }
  return { primary: 'postgres', standby: 'none' };
}

/** Writes it down, on disk when this returns: what depends on it comes after. */
export function writeLead(paths: Paths, lead: Lead): void {
  const file = leadFile(paths);
  const draft = `${file}.draft`;
  const descriptor = openSync(draft, 'w');
  writeSync(descriptor, `${JSON.stringify(lead)}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(draft, file);
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function leadFile(paths: Paths): string {
  return join(dirname(paths.postgres), 'postgres-lead.json');
}
