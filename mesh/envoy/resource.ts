/** A piece of Envoy's configuration, as the JSON form of its Protobuf messages. */
export interface Resource {
  readonly [field: string]: unknown;
}

/** An extension's configuration: the message of the given type, as Envoy's `Any` fields take it. */
export function typed(type: string, fields: Resource = {}): Resource {
  return { '@type': `type.googleapis.com/${type}`, ...fields };
}

/** A duration in milliseconds, in the JSON form of google.protobuf.Duration. */
export function milliseconds(ms: number): string {
  return `${ms / 1000}s`;
}

/** A TCP address. */
export function address(host: string, port: number): Resource {
  return { socket_address: { address: host, port_value: port } };
}
