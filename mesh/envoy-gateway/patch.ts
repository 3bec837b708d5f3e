import type { Resource } from '../envoy/resource.ts';

/** Where in its kind's JSON a patch puts something: JSON Patch, RFC 6902, with `jsonPath` for what has no fixed place. */
export interface Operation {
  readonly op: 'add' | 'replace';
  /** A JSON pointer; below what `jsonPath` finds, if that is given. */
  readonly path?: string;
  /** RFC 9535. */
  readonly jsonPath?: string;
  readonly value: unknown;
}

/** A change of what Envoy Gateway makes, as an EnvoyPatchPolicy has it. */
export function patch(
  kind: 'listener.v3.Listener' | 'route.v3.RouteConfiguration' | 'cluster.v3.Cluster',
  name: string,
  operation: Operation,
): Resource {
  return { type: `type.googleapis.com/envoy.config.${kind}`, name, operation };
}
