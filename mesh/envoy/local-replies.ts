import { UNREACHED } from './governance/retries.ts';
import { refusalHeaders } from './refusal.ts';
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
  mappers: codes.flatMap(([status, code]) => answers([hasStatus(status)], code)),
};

const BUSY = 'More is under way than the shop can do. Wait for a second, then try again.';

/**
 * The same for callers from outside, who are told to wait when too much is under way (circuit-breakers.ts): UNAVAILABLE
 * they would try again at once.
 */
export const gatewayReplies: Resource = {
  mappers: [
    // What was cut off, and has as many being tried again as may be, overflows too.
    ...answers([hasStatus(503), hasFlag('UC', 'UF')], 14),
    ...answers([hasStatus(503), hasFlag('UO')], 8, {
      message: BUSY,
      status: 429,
      headers: refusalHeaders('OVERLOADED', BUSY),
    }),
    ...(localReplies.mappers as Resource[]),
  ],
};

/**
 * The same for what is called over gRPC alone, and says beside it when a call did not reach the service: no connection,
 * or one that was cut.
 */
export const sidecarReplies: Resource = {
  mappers: [
    {
      filter: hasFlag('UF', 'UC', 'UH', 'URX'),
      headers_to_add: [header('grpc-status', '14'), header(UNREACHED, '1')],
    },
    ...(localReplies.mappers as Resource[]),
  ],
};

/** How each kind of caller is answered where these filters fit. */
function answers(
  fits: readonly Resource[],
  code: number,
  more: { message?: string; status?: number; headers?: readonly Resource[] } = {},
): Resource[] {
  const { message, status, headers = [] } = more;
  const json = {
    ...(status && { status_code: status }),
    ...(headers.length && { headers_to_add: headers }),
    body_format_override: { json_format: { code, message: message ?? '%LOCAL_REPLY_BODY%', details: [] } },
  };
  const grpc = {
    headers_to_add: [header('grpc-status', String(code)), ...headers],
    ...(message && { body_format_override: { text_format_source: { inline_string: message } } }),
  };
  return [
    { filter: all(...fits, cameAsJson), ...json },
    { filter: all(...fits, isGrpc), ...grpc },
    { filter: all(...fits), ...json },
  ];
}

function header(key: string, value: string): Resource {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}

/** Envoy wants at least two in an `and`. */
function all(...filters: Resource[]): Resource {
  return filters.length > 1 ? { and_filter: { filters } } : (filters[0] as Resource);
}

function hasFlag(...flags: string[]): Resource {
  return { response_flag_filter: { flags } };
}

function hasStatus(status: number): Resource {
  return {
    status_code_filter: {
      comparison: { op: 'EQ', value: { default_value: status, runtime_key: 'souk.local_reply_status' } },
    },
  };
}
