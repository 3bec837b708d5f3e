import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Resource } from './resource.ts';

/**
 * Puts what a bootstrap would read from endpoint files into the bootstrap itself. `envoy --mode validate` reads no
 * discovery files and calls a configuration sound whose files are broken.
 */
export function foldEndpoints(bootstrap: Resource): Resource {
  const resources = bootstrap.static_resources as { clusters: Resource[] };
  return { ...bootstrap, static_resources: { ...resources, clusters: resources.clusters.map(foldCluster) } };
}

function foldCluster({ eds_cluster_config, ...cluster }: Resource): Resource {
  if (eds_cluster_config === undefined) return cluster;
  const { eds_config } = eds_cluster_config as { eds_config: { path_config_source: { path: string } } };
  const file = JSON.parse(readFileSync(eds_config.path_config_source.path, 'utf8'));
  const { '@type': _, ...load_assignment } = file.resources[0];
  return { ...cluster, type: 'STATIC', load_assignment };
}

/**
 * Lets Envoy itself check a whole bootstrap.
 *
 * @returns what is wrong with it, in Envoy's words; undefined if nothing is
 */
export function validate(envoy: string, bootstrap: Resource): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'souk-envoy-'));
  try {
    const file = join(folder, 'bootstrap.json');
    writeFileSync(file, JSON.stringify(bootstrap));
    const { status, stderr, error } = spawnSync(
      envoy,
      ['--mode', 'validate', '--log-level', 'error', '--config-path', file],
      { encoding: 'utf8' },
    );
    if (error) throw error;
    return status === 0 ? undefined : stderr.trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
