-- How many pieces were sold, as the order service's events tell: what the best-selling list is ordered by. It has a row
-- for each product that there ever was.
create table sales (
  product_id uuid primary key references products (id),
  -- By the partition of the order in the order service's log, partition 0 first: a partition can be counted anew
  -- without the others. Not below zero by rights, and not checked: an operator may have discarded an event.
  counts bigint[] not null default '{0, 0, 0, 0, 0, 0, 0, 0}' constraint sales_counts check (cardinality(counts) = 8),
  sold bigint not null generated always as (
    counts[1] + counts[2] + counts[3] + counts[4] + counts[5] + counts[6] + counts[7] + counts[8]
  ) stored
);

create index sales_by_sold on sales (sold, product_id);

-- Adds to the counts of each product its next 8 of `changes`, one for each partition. Products that are not known are
-- left out. Batches of two partitions may come from two replicas at once: all lock in the order of products.
create function add_sales(products uuid[], changes bigint[]) returns void
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off set cpu_tuple_cost = 1 as $$
begin
  perform from sales s where s.product_id in (select unnest(products)) order by s.product_id for no key update;
  update sales s set counts = (
      select array_agg(c.count + c.change order by c.partition)
        from unnest(s.counts, changes[8 * p.place - 7 : 8 * p.place]) with ordinality as c (count, change, partition)
    )
    from unnest(products) with ordinality as p (product_id, place)
    where s.product_id = p.product_id;
end $$;

-- What a snapshot of a partition adds up to. Counting anew is one long transaction; would it change the counts as it
-- goes, it would hold rows that the other partitions' batches need, and lock them in no order. So it only adds rows
-- here, and its commit puts their sums in the place of the partition's counts. Its first row has no product. Outside of
-- such transactions the table is empty, so nothing is lost with it.
create unlogged table recounted_sales (
  partition integer not null,
  product_id uuid,
  pieces bigint not null
);

create function put_recounted_sales() returns trigger
language plpgsql as $$
begin
  perform from sales s
    where s.counts[new.partition + 1] <> 0
      or s.product_id in (select r.product_id from recounted_sales r where r.partition = new.partition)
    order by s.product_id
    for no key update;
  with recounted as (
    delete from recounted_sales r where r.partition = new.partition returning r.product_id, r.pieces
  ), totals as (
    select r.product_id, sum(r.pieces)::bigint as pieces from recounted r group by r.product_id
  )
  update sales s set counts[new.partition + 1] = coalesce(t.pieces, 0)
    from sales known left join totals t on t.product_id = known.product_id
    where s.product_id = known.product_id and s.counts[new.partition + 1] <> coalesce(t.pieces, 0);
  return null;
end $$;

create constraint trigger put_recounted_sales after insert on recounted_sales
  deferrable initially deferred
  for each row when (new.product_id is null) execute function put_recounted_sales();
