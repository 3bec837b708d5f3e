-- How many pieces there are of each product. available + held + sold is all that was ever put in by hand.
--
-- A table of its own, because each order writes here: a narrow row without an index on what changes is updated within
-- its page (HOT), where a product's row would drag its text index along. The free half of a page is for that.
create table stock (
  product_id uuid primary key references products (id),
  available bigint not null default 0,
  -- What orders that are being placed hold back.
  held bigint not null default 0 constraint stock_held check (held >= 0),
  sold bigint not null default 0 constraint stock_sold check (sold >= 0),
  -- Whether it can be ordered: its product is not deleted. Here as well, so that an order reads this row alone.
  offered boolean not null default true,
  -- By hand at most 10^12 are put in (adjustStock). Above that there is room for what comes back from orders, which
  -- must not fail.
  constraint stock_available check (available between 0 and 1000000000000000)
) with (fillfactor = 50);

-- The ranks of the best-selling list: stock.sold as it was a few seconds ago. Not an index on stock.sold, because that
-- would end HOT updates: each sale would write two index entries and leave two dead ones. refresh_sales follows the
-- sales in batches instead, and a page of the list is some seconds old.
create table sales (
  product_id uuid primary key references products (id),
  sold bigint not null default 0
);

create index sales_by_sold on sales (sold, product_id);

-- Brings the ranks up to date and tells how many changed. One at a time: a second call at the same time does nothing.
create function refresh_sales() returns bigint
language plpgsql as $$
declare
  changed bigint;
begin
  if not pg_try_advisory_xact_lock(hashtext('refresh_sales')) then return 0; end if;
  update sales s set sold = k.sold from stock k where k.product_id = s.product_id and k.sold <> s.sold;
  get diagnostics changed = row_count;
  return changed;
end $$;
