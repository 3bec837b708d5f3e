import type { Transaction } from '../../platform/db/database.ts';
import type { NewEvent } from '../../platform/events/event.ts';
import { type PublicAccount, userDeleted, userRegistered } from './user-events.ts';

/** Accounts read at once. */
const PAGE = 500;

/**
 * Says which accounts there are in a partition, as events, a page at a time: UserRegistered, or UserDeleted where the
 * account was deleted, whose consumers may have missed that.
 */
export async function* snapshot(tx: Transaction, partition: number): AsyncGenerator<NewEvent[]> {
  let after = '00000000-0000-0000-0000-000000000000';
  while (true) {
    const rows = await tx<(PublicAccount & { deleted: boolean })[]>`
      SELECT id, role, version, deleted_at IS NOT NULL AS deleted FROM users
      WHERE event_partition(id) = ${partition} AND id > ${after}
      ORDER BY id LIMIT ${PAGE}`;
    const last = rows.at(-1);
    if (!last) return;
    yield rows.map((row) => (row.deleted ? userDeleted(row.id, row.version) : userRegistered(row)));
    if (rows.length < PAGE) return;
    after = last.id;
  }
}
