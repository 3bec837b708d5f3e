import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Failure } from '../messages.ts';
import { outcomeOf, statusName } from './status.ts';

/** The most that is read at once, in bytes; at a higher rate lines are left out. */
const mostBytes = 8 * 1024 * 1024;

/** The calls that did not succeed among those that were logged since the last reading. */
export function followFailures(file: string): { next(): Failure[] } {
  let position = sizeOf(file);
  let partial = '';
  return {
    next() {
      const size = sizeOf(file);
      // A new file of the same name: the old one has been put aside.
      if (size < position) position = 0;
      if (size === position) return [];
      if (size - position > mostBytes) {
        position = size - mostBytes;
        partial = '';
      }
      const bytes = Buffer.alloc(size - position);
      const descriptor = openSync(file, 'r');
      const length = readSync(descriptor, bytes, 0, bytes.length, position);
      closeSync(descriptor);
      position += length;
      const lines = (partial + bytes.toString('utf8', 0, length)).split('\n');
      partial = lines.pop() ?? '';
      return lines.flatMap((line) => parseFailure(line) ?? []);
    },
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** What the access log says of a call. */
interface Line {
  readonly time: string;
  readonly listener: string;
  readonly path: string | null;
  readonly status: number | null;
  readonly grpc_status: string | null;
  readonly flags: string | null;
  readonly duration_ms: number | null;
  readonly attempts: number | null;
  readonly traceparent: string | null;
}

/** A line's call, unless it succeeded, or its caller went away, or its caller's own line tells of it. */
export function parseFailure(line: string): Failure | undefined {
  // Most lines end here, unparsed.
  if (line.includes('"grpc_status":"OK"')) return undefined;
  let call: Line;
  try {
    call = JSON.parse(line) as Line;
  } catch {
    return undefined;
  }
  if (call.listener.endsWith(' in')) return undefined;
  const flags = call.flags === '-' ? '' : (call.flags ?? '');
  const status = statusOf(call, flags);
  if (status === 'OK' || status === 'CANCELLED' || readsOn(call, flags)) return undefined;
  return {
    // The log tells when it began, which of a stream may be long ago.
    time: Date.parse(call.time) + (call.duration_ms ?? 0),
    where: call.listener,
    method: (call.path ?? '').replace(/^\//, '').replace(/\?.*/, '').slice(0, 120),
    status,
    fault: isFault(status),
    flags,
    durationMs: call.duration_ms ?? 0,
    attempts: call.attempts ?? 1,
    traceId: /^00-([0-9a-f]{32})-/.exec(call.traceparent ?? '')?.[1] ?? '',
  };
}

/** Its gRPC status, or what comes closest where the caller speaks HTTP, or went away. */
function statusOf({ grpc_status, status }: Line, flags: string): string {
  // DR, DC: the caller closed the stream or the connection, and saw no status.
  if (/\bD[RC]\b/.test(flags)) return 'CANCELLED';
  if (grpc_status !== null) return statusName(grpc_status);
  if (!status) return 'CANCELLED';
  return status < 400 ? 'OK' : `HTTP ${status}`;
}

/** A service that follows another's events goes on at another instance when this one dies (UR, UC): no call failed. */
function readsOn({ path }: Line, flags: string): boolean {
  return (path ?? '').endsWith('/FollowEvents') && /\bU[RC]\b/.test(flags);
}

function isFault(status: string): boolean {
  return status.startsWith('HTTP ') ? Number(status.slice(5)) >= 500 : outcomeOf(status) === 'failed';
}
