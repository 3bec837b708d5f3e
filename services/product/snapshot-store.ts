import type { Transaction } from '../../platform/db/database.ts';
import type { NewEvent } from '../../platform/events/event.ts';
import { productCreated, productDeleted } from './product-events.ts';

/** Products read at once. */
const PAGE = 500;

interface Row {
  readonly id: string;
  readonly name: string;
  readonly price: bigint;
  readonly currency: string;
  readonly version: bigint;
  readonly deleted: boolean;
}

/**
 * Says which products there are in a partition, as events, a page at a time: ProductCreated, or ProductDeleted where
 * the product was deleted, whose consumers may have missed that.
 */
export async function* snapshot(tx: Transaction, partition: number): AsyncGenerator<NewEvent[]> {
  let after = '00000000-0000-0000-0000-000000000000';
  while (true) {
    const rows = await tx<Row[]>`
      select id, name, price, currency, version, deleted_at is not null as deleted from products
      where event_partition(id) = ${partition} and id > ${after}
      order by id limit ${PAGE}`;
    const last = rows.at(-1);
    if (!last) return;
    yield rows.map(toEvent);
    if (rows.length < PAGE) return;
    after = last.id;
  }
}

function toEvent({ id, name, price, currency, version, deleted }: Row): NewEvent {
  if (deleted) return productDeleted(id, version);
  return productCreated({ id, name, price: { currency, minorUnits: price }, version });
}
