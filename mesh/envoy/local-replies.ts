import { UNREACHED } from './governance/retries.ts';
import { overloaded, type Refusal, rateLimited } from './refusal.ts';
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

/** gRPC-Web became gRPC on its way in, and what is answered here is not turned back. */
const cameAsGrpcWeb: Resource = { header_filter: { header: { name: 'x-grpc-web', present_match: true } } };

/** A try that failed is tried again no more: there are as many being tried again as may be. */
const triedAlready: Resource = {
  header_filter: {
    header: { name: 'x-envoy-attempt-count', string_match: { exact: '1' }, invert_match: true },
  },
};

/**
 * How Envoy's own answers look: gRPC callers get a gRPC status, and others the same JSON that a failed call gets
 * (google.rpc.Status).
 */
export const localReplies: Resource = {
  // The first that fits is taken.
  mappers: codes.flatMap(([status, code]) => answers([hasStatus(status)], code)),
};

/**
 * The same for callers from outside. Who is refused is told to wait: UNAVAILABLE, which a circuit breaker answers by
 * itself, they would try again at once. Not so a call that was refused another try, and of which something may have
 * been done.
 */
export const gatewayReplies: Resource = {
  mappers: [
    ...answers([hasStatus(503), hasFlag('UC', 'UF', 'UR')], 14),
    ...answers([hasStatus(503), hasFlag('UO'), triedAlready], 14),
    ...answers([hasStatus(503), hasFlag('UO')], 8, overloaded),
    ...answers([hasStatus(429)], 8, rateLimited),
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
function answers(fits: readonly Resource[], code: number, refusal?: Refusal): Resource[] {
  const status = header('grpc-status', String(code));
  const headers = [status, ...(refusal?.headers ?? [])];
  const json = {
    ...(refusal && { status_code: 429 }),
    headers_to_add: headers,
    body_format_override: {
      json_format: refusal?.json ?? { code, message: '%LOCAL_REPLY_BODY%', details: [] },
    },
  };
  const web = {
    status_code: 200,
    // Envoy's own message is known to bodies alone.
    headers_to_add: [...headers, ...(refusal ? [header('grpc-message', refusal.message)] : [])],
    body_format_override: {
      text_format_source: { inline_string: '' },
      content_type: 'application/grpc-web+proto',
    },
  };
  const grpc = {
    headers_to_add: headers,
    ...(refusal && { body_format_override: { text_format_source: { inline_string: refusal.message } } }),
  };
  return [
    { filter: all(...fits, cameAsJson), ...json },
    { filter: all(...fits, cameAsGrpcWeb), ...web },
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
