import type { Query, Sql } from '../../platform/db/database.ts';
import type { Cursors, Listed, ListFilter, ListOrder, ReadPage } from './product-list.ts';
import { type ProductRow, productColumns, toProduct } from './product-store.ts';

type Fragment = Query<object[]>;
type ListRow = ProductRow & { readonly nameKey: string; readonly sold?: bigint };

/** How one order is read: along its index, from the cursor on. */
interface Plan<Order extends ListOrder> {
  readonly from: (sql: Sql) => Fragment;
  readonly after: (sql: Sql, cursor: Cursors[Order]) => Fragment;
  readonly orderBy: (sql: Sql) => Fragment;
  readonly columns?: (sql: Sql) => Fragment;
  readonly cursor: (row: ListRow) => Cursors[Order];
}

const catalogue = (sql: Sql) => sql`products p join stock s on s.product_id = p.id`;

const plans: { readonly [Order in ListOrder]: Plan<Order> } = {
  price: {
    from: catalogue,
    after: (sql, [currency, price, id]) => sql`(p.currency, p.price, p.id) > (${currency}, ${price}, ${id})`,
    orderBy: (sql) => sql`p.currency, p.price, p.id`,
    cursor: ({ currency, price, id }) => [currency, price, id],
  },
  priceDescending: {
    from: catalogue,
    after: (sql, [currency, price, id]) => sql`(p.currency, p.price, p.id) < (${currency}, ${price}, ${id})`,
    orderBy: (sql) => sql`p.currency desc, p.price desc, p.id desc`,
    cursor: ({ currency, price, id }) => [currency, price, id],
  },
  name: {
    from: catalogue,
    after: (sql, [nameKey, id]) => sql`(p.name_key, p.id) > (${nameKey}, ${id})`,
    orderBy: (sql) => sql`p.name_key, p.id`,
    cursor: ({ nameKey, id }) => [nameKey, id],
  },
  newest: {
    from: catalogue,
    after: (sql, [id]) => sql`p.id < ${id}`,
    orderBy: (sql) => sql`p.id desc`,
    cursor: ({ id }) => [id],
  },
  bestSelling: {
    from: (sql) => sql`
      sales r join products p on p.id = r.product_id join stock s on s.product_id = r.product_id`,
    after: (sql, [sold, id]) => sql`(r.sold, r.product_id) < (${sold}, ${id})`,
    orderBy: (sql) => sql`r.sold desc, r.product_id desc`,
    columns: (sql) => sql`, r.sold`,
    cursor: ({ sold, id }) => [sold as bigint, id],
  },
};

/** Up to so many matches of a search are sorted. */
const maxSorted = (sql: Sql) => sql`2000`;

/**
 * Reads pages from the database. Each order with each set of conditions is a statement of its own, put together from
 * constant parts, so that each is planned for the index that fits it.
 */
export function createReadPage(sql: Sql): ReadPage {
  return async <Order extends ListOrder>(
    order: Order,
    filter: ListFilter,
    after: Cursors[Order] | undefined,
    limit: number,
  ): Promise<Listed<Order>[]> => {
    const plan: Plan<Order> = plans[order];
    // The inner limit, the largest page and one more, is in the text: a parameter's value is unknown to a prepared
    // plan, which would be made for a tenth of the table. The outer one stops it early.
    const walk = (condition: Fragment) => sql`(
      select ${productColumns(sql)}, p.name_key as "nameKey" ${plan.columns?.(sql) ?? sql``}
      from ${plan.from(sql)}
      where p.deleted_at is null
        ${priceCondition(sql, filter)}
        ${filter.availableOnly ? sql`and s.available > 0` : sql``}
        ${after === undefined ? sql`` : sql`and ${plan.after(sql, after)}`}
        ${condition}
      order by ${plan.orderBy(sql)}
      limit 101)`;
    const rows = await (filter.query === ''
      ? sql<ListRow[]>`select * from ${walk(sql``)} page limit ${limit}`
      : sql<ListRow[]>`${search(sql, filter, walk)} limit ${limit}`);
    return rows.map((row) => ({ product: toProduct(row), cursor: plan.cursor(row) }));
  };
}

/**
 * A rare word is best read by the index of words and sorted, a frequent one along the order's index, and statistics
 * don't tell which is which in a prepared plan. So the statement itself counts, up to a bound, and runs one of two arms.
 */
function search(sql: Sql, filter: ListFilter, walk: (condition: Fragment) => Fragment): Fragment {
  const words = sql`(select websearch_to_tsquery('english', ${filter.query}))`;
  const bound = maxSorted(sql);
  return sql`
    with matches as materialized (
      select p.id from products p
      where p.deleted_at is null and p.search @@ ${words} ${priceCondition(sql, filter)}
      limit ${bound} + 1
    )
    select * from ${walk(sql`and p.id in (select id from matches)`)} sorted
    where (select count(*) from matches) <= ${bound}
    union all
    select * from ${walk(
      // Within coalesce, a condition uses no index and is taken to hold for half of the rows: both as it should be here.
      sql`and coalesce(p.search @@ ${words}, false)`,
    )} walked
    where (select count(*) from matches) > ${bound}`;
}

function priceCondition(sql: Sql, { currency, minPrice, maxPrice }: ListFilter): Fragment {
  return sql`
    ${currency === undefined ? sql`` : sql`and p.currency = ${currency}`}
    ${minPrice === undefined ? sql`` : sql`and p.price >= ${minPrice}`}
    ${maxPrice === undefined ? sql`` : sql`and p.price <= ${maxPrice}`}`;
}
