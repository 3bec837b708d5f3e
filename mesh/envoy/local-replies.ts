import { UNREACHED } from './governance/retries.ts';
import type { Resource } from './resource.ts';

/** HTTP status and gRPC code of Envoy's own answers, where the default translation misleads or there is none. */
const codes: readonly (readonly [status: number, code: number])[] = [
  [400, 3], // INVALID_ARGUMENT
  [404, 12], // UNIMPLEMENTED: no such method
  [408, 4], // DEADLINE_EXCEEDED
  [413, 8], // RESOURCE_EXHAUSTED: a message too large
  [429, 8], // RESOURCE_EXHAUSTED: too many calls
  [431, 8], // RESOURCE_EXHAUSTED: headers too large
  [503, 14], // UNAVAILABLE: no instance
  [504, 4], // DEADLINE_EXCEEDED; Envoy's default would be UNAVAILABLE, a reason to try again
];

const isGrpc: Resource = {
  header_filter: { header: { name: 'content-type', string_match: { prefix: 'application/grpc' } } },
};

/** A request from JSON says that it is gRPC from the moment it was turned into that, and its caller still waits for JSON. */
const cameAsJson: Resource = {
  header_filter: { header: { name: 'x-envoy-original-method', present_match: true } },
};

/**
 * How Envoy's own answers look: gRPC callers get a gRPC status, and others the same JSON that a failed call gets
 * (google.rpc.Status).
 */
export const localReplies: Resource = {
  // The first that fits is taken.
  mappers: codes.flatMap(([status, code]) => {
    const json = {
      body_format_override: { json_format: { code, message: '%LOCAL_REPLY_BODY%', details: [] } },
    };
    return [
      { filter: both(hasStatus(status), cameAsJson), ...json },
      { filter: both(hasStatus(status), isGrpc), headers_to_add: [header('grpc-status', String(code))] },
      { filter: hasStatus(status), ...json },
    ];
  }),
};

/**
 * The same for what is called over gRPC alone, and says beside it when a call did not reach the service: no connection,
 * or one that was cut.
 */
export const sidecarReplies: Resource = {
  mappers: [
    {
      filter: { response_flag_filter: { flags: ['UF', 'UC', 'UH', 'URX'] } },
      headers_to_add: [header('grpc-status', '14'), header(UNREACHED, '1')],
    },
    ...(localReplies.mappers as Resource[]),
  ],
};

function header(key: string, value: string): Resource {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}

function both(...filters: Resource[]): Resource {
  return { and_filter: { filters } };
}

function hasStatus(status: number): Resource {
  return {
    status_code_filter: {
      comparison: { op: 'EQ', value: { default_value: status, runtime_key: 'souk.local_reply_status' } },
    },
  };
}
