import { type Manifest, manifest, type Overlay } from './kustomize.ts';

/** One service as an overlay deploys it. */
export interface Workload {
  readonly deployment: Manifest;
  /** The pod's template. */
  readonly pod: Manifest['spec'];
  readonly container: Manifest['spec'];
  /** Variables with a value in the manifests; the pod's own name is `order-0`. */
  readonly settings: Readonly<Record<string, string>>;
  /** The variables that a Secret of the service's name has to give, each under a key of the variable's name. */
  readonly secrets: readonly string[];
}

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
  };
}

/** Throws when the environment comes from anywhere else than ConfigMaps of the overlay and the service's own Secret. */
export function workload(overlay: Overlay, service: string): Workload {
  const deployment = manifest(overlay, 'Deployment', service);
  const { template } = deployment.spec;
  const [container, ...others] = template.spec.containers;
  if (others.length > 0) throw new Error(`${service} has more than one container`);
  const settings: Record<string, string> = {};
  const secrets: string[] = [];
  for (const { configMapRef } of container.envFrom) {
    Object.assign(settings, manifest(overlay, 'ConfigMap', configMapRef.name).data);
  }
  for (const { name, value, valueFrom } of container.env as Variable[]) {
    const { fieldRef, secretKeyRef } = valueFrom ?? {};
    if (value !== undefined) settings[name] = value;
    else if (fieldRef?.fieldPath === 'metadata.name') settings[name] = `${service}-0`;
    else if (secretKeyRef?.name === service && secretKeyRef.key === name) secrets.push(name);
    else throw new Error(`${service}: ${name} comes from ${JSON.stringify(valueFrom)}`);
  }
  return { deployment, pod: template, container, settings, secrets };
}
