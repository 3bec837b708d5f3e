import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type AnySchemaObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { parse } from 'yaml';
import { repository } from '../local/config.ts';

/** A folder beside the repository with the YAML files of custom resource definitions. */
const folder = join(repository, '..', 'shared', 'crds');

/** Whether there are definitions to check against. */
export const crdsThere = existsSync(folder);

interface Crd {
  readonly spec: {
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly schema: { readonly openAPIV3Schema: AnySchemaObject };
    }[];
  };
}

/**
 * Checks objects as an API server would: their kind is served in their version, and they fit its schema. Fields that
 * the schema hasn't got are faults too, where a server would drop them without a word. Rules in CEL are not checked.
 *
 * @returns for an object, what is wrong with it
 */
export function crdValidator(): (manifest: { apiVersion: string; kind: string }) => string[] {
  // Structural schemas have keywords of Kubernetes' own, which say nothing here.
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  const definitions = readDefinitions();
  const compiled = new Map<string, ValidateFunction | undefined>();
  const compile = (apiVersion: string, kind: string): ValidateFunction | undefined => {
    const [group = '', version = ''] = apiVersion.split('/');
    const schema = findSchema(definitions, group, version, kind);
    return schema && ajv.compile(withMetadata(closed(schema)));
  };
  return ({ apiVersion, kind, ...rest }) => {
    const type = `${apiVersion} ${kind}`;
    if (!compiled.has(type)) compiled.set(type, compile(apiVersion, kind));
    const validate = compiled.get(type);
    if (!validate) return [`${type} is not served`];
    validate({ apiVersion, kind, ...rest });
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  };
}

/** Each definition as text: there are megabytes, and parsing all of it would take seconds. */
function readDefinitions(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split(/^(?:---\n)?(?=apiVersion: )/m));
}

function findSchema(
  definitions: readonly string[],
  group: string,
  version: string,
  kind: string,
): AnySchemaObject | undefined {
  const definition = definitions.find(
    (text) =>
      text.includes(`\nkind: CustomResourceDefinition\n`) &&
      text.includes(`\n  group: ${group}\n`) &&
      text.includes(`\n    kind: ${kind}\n`),
  );
  if (definition === undefined) return undefined;
  const { spec } = parse(definition.replace(/^---$/gm, '')) as Crd;
  return spec.versions.find(({ name, served }) => name === version && served)?.schema.openAPIV3Schema;
}

/** An OpenAPI v3 schema as a JSON schema that refuses fields which it doesn't name. */
function closed(schema: AnySchemaObject): AnySchemaObject {
  const mapped = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, closedIn(key, value)]),
  );
  if (schema['x-kubernetes-int-or-string']) mapped.type = ['integer', 'string'];
  if (schema.nullable) mapped.type = [schema.type, 'null'].flat();
  const open = schema['x-kubernetes-preserve-unknown-fields'] || schema.additionalProperties !== undefined;
  if (schema.properties && !open) mapped.additionalProperties = false;
  return mapped;
}

function closedIn(keyword: string, value: unknown): unknown {
  if (keyword === 'properties') {
    return Object.fromEntries(
      Object.entries(value as object).map(([name, property]) => [name, closed(property as AnySchemaObject)]),
    );
  }
  if (keyword === 'items' || keyword === 'additionalProperties') {
    return typeof value === 'object' ? closed(value as AnySchemaObject) : value;
  }
  // In allOf, anyOf, oneOf and not, a structural schema only narrows what is named outside of them.
  return value;
}

const text = { type: 'string' };
const texts = { type: 'object', additionalProperties: text };

function withMetadata(schema: AnySchemaObject): AnySchemaObject {
  const metadata = {
    type: 'object',
    properties: {
      name: { ...text, pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', maxLength: 253 },
      namespace: text,
      annotations: texts,
      labels: texts,
    },
    required: ['name'],
    additionalProperties: false,
  };
  return {
    ...schema,
    properties: { ...schema.properties, apiVersion: text, kind: text, metadata },
    required: [...(schema.required ?? []), 'metadata'],
  };
}
