import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { repository } from '../../local/config.ts';

/** A Kubernetes resource. What is in it is the tests' to know. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: a manifest has as many shapes as there are kinds.
  readonly [field: string]: any;
}

/** What can be applied: folders of mesh/kubernetes. */
export const OVERLAYS = ['base', 'dev', 'linkerd', 'envoy-gateway'] as const;
export type Overlay = (typeof OVERLAYS)[number];

/** Whether overlays can be built here. */
export const kubectlThere = spawnSync('kubectl', ['version', '--client']).status === 0;
/** What a test that needs it has in its title. */
export const skipped = kubectlThere ? '' : ' (skipped: kubectl is not installed)';

const built = new Map<Overlay, readonly Manifest[]>();

/** The manifests that `kubectl apply -k` would apply. Throws in kustomize's words. */
export function manifests(overlay: Overlay): readonly Manifest[] {
  const known = built.get(overlay);
  if (known !== undefined) return known;
  const folder = join(repository, 'mesh', 'kubernetes', overlay);
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`kubectl kustomize ${overlay}: ${stderr}`);
  const documents = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  built.set(overlay, documents);
  return documents;
}

/** The one manifest of a kind and name. Throws when there is none, or more than one. */
export function manifest(overlay: Overlay, kind: string, name: string): Manifest {
  const found = manifests(overlay).filter((each) => each.kind === kind && each.metadata.name === name);
  if (found.length !== 1) throw new Error(`${overlay} has ${found.length} ${kind} ${name}`);
  return found[0] as Manifest;
}

/** How a failure names a manifest: `Deployment/order`. */
export const nameOf = ({ kind, metadata }: Manifest): string => `${kind}/${metadata.name}`;
