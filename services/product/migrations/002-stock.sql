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
