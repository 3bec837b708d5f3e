import { fail } from '../errors.ts';
import type { Sql, Transaction } from './database.ts';

/** A creating call, as its client identifies it. */
export interface RequestKey {
  /** The method, and whose ids these are: `CreateOrder:<user id>`. Ids of one scope never meet those of another. */
  readonly scope: string;
  /** A UUID made by the client. */
  readonly requestId: string;
  /** Hash of the request's contents. */
  readonly fingerprint: Uint8Array;
}

/**
 * Runs `effect` once for each request id and returns its bytes; a repeat gets the bytes of the first run, and
 * a repeat with other contents ALREADY_EXISTS, reason REQUEST_ID_REUSED. Record, effect and bytes commit
 * together with `tx`, so a crash leaves either all or nothing. A repeat that arrives while the first is under
 * way waits for it: the insert blocks on the uncommitted key. Each service's migrations create:
 *
 * ```sql
 * create table requests (
 *   scope text not null,
 *   request_id uuid not null,
 *   fingerprint bytea not null,
 *   response bytea,              -- null only inside the transaction that inserts the row
 *   created_at timestamptz not null default now(),
 *   primary key (scope, request_id)
 * );
 * create index requests_created_at on requests (created_at);
 * ```
 */
export async function once(
  tx: Transaction,
  key: RequestKey,
  effect: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const { scope, requestId } = key;
  const fingerprint = Buffer.from(key.fingerprint);
  // The insert comes first: it is what makes two concurrent repeats take turns.
  const inserted = await tx`
    insert into requests (scope, request_id, fingerprint)
    values (${scope}, ${requestId}, ${fingerprint})
    on conflict do nothing`;
  if (inserted.count === 1) {
    const response = await effect();
    await tx`
      update requests set response = ${Buffer.from(response)}
      where scope = ${scope} and request_id = ${requestId}`;
    return response;
  }

  const [earlier] = await tx<{ fingerprint: Uint8Array; response: Uint8Array | null }[]>`
    select fingerprint, response from requests where scope = ${scope} and request_id = ${requestId}`;
  if (earlier === undefined || !fingerprint.equals(earlier.fingerprint)) {
    throw fail(
      'ALREADY_EXISTS',
      'REQUEST_ID_REUSED',
      'This request id was used for another request. Make a new one.',
      {
        violations: [{ field: 'request_id', description: 'was used for another request' }],
      },
    );
  }
  if (earlier.response === null) throw new Error(`request ${requestId} of ${scope} has no stored response`);
  return earlier.response;
}

/** How long a client may repeat a request, in hours. */
const KEPT_HOURS = 24;

/** Deletes up to `limit` requests that were answered {@link KEPT_HOURS} ago at the least, and tells how many. */
export async function deleteOldRequests(sql: Sql, limit: number): Promise<number> {
  const { count } = await sql`
    delete from requests where (scope, request_id) in (
      select scope, request_id from requests where created_at < now() - ${KEPT_HOURS}::integer * interval '1 hour'
      limit ${limit} for update skip locked
    )`;
  return count;
}
