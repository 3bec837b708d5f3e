import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { repository } from '../../local/config.ts';
import type { Manifest } from './kustomize.ts';

/** Tells what is wrong with a manifest, one line each; undefined when it knows no schema of its kind. */
export type Validate = (manifest: Manifest) => string[] | undefined;

type Schema = Record<string, unknown>;

/** Where the schemas of kinds that are not Kubernetes' own may lie: CustomResourceDefinitions, as YAML. */
export const crdFolder = join(repository, '..', 'shared', 'crds');
export const noCrds: string | undefined = existsSync(crdFolder)
  ? undefined
  : 'there are no CustomResourceDefinitions in ../shared/crds';

// Kubernetes' formats are notes for programmers: int32, double, byte.
const createAjv = () => new Ajv2020({ strict: false, validateFormats: false, allErrors: true });

/** Validates Kubernetes' own kinds by the definitions of one version, unknown fields refused. */
export function plainKinds(definitionsFile: string): Validate {
  const definitions = JSON.parse(readFileSync(definitionsFile, 'utf8')) as {
    $id: string;
    $defs: Record<string, Schema>;
  };
  const ajv = createAjv().addSchema(definitions);
  const schemas = new Map<string, string>();
  for (const [name, schema] of Object.entries(definitions.$defs)) {
    const kinds = schema['x-kubernetes-group-version-kind'] as
      | { group: string; version: string; kind: string }[]
      | undefined;
    for (const { group, version, kind } of kinds ?? []) {
      schemas.set(`${group === '' ? '' : `${group}/`}${version} ${kind}`, name);
    }
  }
  return ({ apiVersion, kind, ...rest }) => {
    const name = schemas.get(`${apiVersion} ${kind}`);
    if (name === undefined) return undefined;
    const validate = ajv.getSchema(`${definitions.$id}#/$defs/${name}`) as ValidateFunction;
    return faultsOf(validate, { apiVersion, kind, ...rest });
  };
}

/** Validates the kinds that the files in `crdFolder` define, unknown fields refused. */
export function customKinds(): Validate {
  const ajv = createAjv();
  const texts = new Map<string, string>();
  for (const file of readdirSync(crdFolder).filter((name) => name.endsWith('.yaml'))) {
    // Not every file has separators between its documents.
    for (const text of readFileSync(join(crdFolder, file), 'utf8').split(/^---$|^(?=apiVersion: )/m)) {
      const [group, kind] = [/^ {2}group: (.+)$/m.exec(text)?.[1], /^ {4}kind: (.+)$/m.exec(text)?.[1]];
      texts.set(`${group} ${kind}`, text);
    }
  }
  // Most are large and not asked for.
  const validators = new Map<string, ValidateFunction | undefined>();
  return (manifest) => {
    const [group = '', version = ''] = manifest.apiVersion.split('/');
    const name = `${manifest.apiVersion} ${manifest.kind}`;
    const text = texts.get(`${group} ${manifest.kind}`);
    if (text === undefined) return undefined;
    if (!validators.has(name)) {
      const schema = servedSchema(parse(text), version);
      validators.set(name, schema && ajv.compile(closed(schema)));
    }
    const validate = validators.get(name);
    return validate && faultsOf(validate, manifest);
  };
}

function servedSchema({ spec }: Manifest, version: string): Schema | undefined {
  const versions: { name: string; served: boolean; schema: { openAPIV3Schema: Schema } }[] = spec.versions;
  return versions.find(({ name, served }) => served && name === version)?.schema.openAPIV3Schema;
}

/**
 * The same schema, in which objects that name their fields take no others: an API server would drop what it doesn't
 * know without a word.
 */
function closed(schema: Schema, top = true): Schema {
  const copy: Schema = { ...schema };
  if (schema['x-kubernetes-int-or-string'] === true) {
    copy.type = ['integer', 'string'];
    delete copy.anyOf;
  }
  for (const key of ['items', 'additionalProperties']) {
    const inner = schema[key];
    if (typeof inner === 'object' && inner !== null) copy[key] = closed(inner as Schema, false);
  }
  const { properties } = schema as { properties?: Record<string, Schema> };
  if (properties !== undefined) {
    copy.properties = Object.fromEntries(
      Object.entries(properties).map(([name, inner]) =>
        // What metadata holds is not the CRD's to say.
        [name, top && name === 'metadata' ? { type: 'object' } : closed(inner, false)],
      ),
    );
    if (schema['x-kubernetes-preserve-unknown-fields'] !== true) copy.additionalProperties = false;
  }
  return copy;
}

function faultsOf(validate: ValidateFunction, manifest: Manifest): string[] {
  if (validate(manifest)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) =>
    `${instancePath} ${message} ${'additionalProperty' in params ? params.additionalProperty : ''}`.trim(),
  );
}
