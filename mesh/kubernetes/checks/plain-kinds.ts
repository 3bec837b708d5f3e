import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Manifest } from './kustomize.ts';

interface Definition {
  readonly 'x-kubernetes-group-version-kind'?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
}

/**
 * Checks Kubernetes' own kinds by the definitions of one version, unknown fields refused.
 *
 * @returns for a manifest, what is wrong with it
 */
export function plainKindValidator(definitionsFile: string): (manifest: Manifest) => string[] {
  const definitions = JSON.parse(readFileSync(definitionsFile, 'utf8')) as {
    $id: string;
    $defs: Record<string, Definition>;
  };
  // The formats are notes for programmers: int32, double, byte.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).addSchema(definitions);
  const names = new Map<string, string>();
  for (const [name, definition] of Object.entries(definitions.$defs)) {
    for (const { group, version, kind } of definition['x-kubernetes-group-version-kind'] ?? [])
      names.set(`${group === '' ? '' : `${group}/`}${version} ${kind}`, name);
  }
  return (manifest) => {
    const type = `${manifest.apiVersion} ${manifest.kind}`;
    const name = names.get(type);
    if (name === undefined) return [`${type} is not served`];
    const validate = ajv.getSchema(`${definitions.$id}#/$defs/${name}`) as ValidateFunction;
    validate(manifest);
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  };
}
