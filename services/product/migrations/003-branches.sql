-- The barrier: one row for each branch of a distributed transaction that this participant has seen, so that a repeated
-- call answers as the first did and takes effect once.
--
-- kind and state:
--   reserve   HELD | REFUSED, then CONFIRMED or CANCELLED (a mark without lines when the cancel came first)
--   take      TAKEN | REFUSED, then UNDONE (a mark without lines when the undo came first)
--   restock   GIVEN | REFUSED
create table branches (
  transaction_id uuid not null,
  branch_id text not null,
  kind text not null,
  state text not null,
  -- The lines, by product id: how many of each. Null in a mark, and in a restock that undoes.
  product_ids uuid[],
  quantities integer[],
  -- The take that a restock undoes.
  undoes text,
  -- Why it was REFUSED, and which product that is about.
  refusal text,
  refused_product uuid,
  created_at timestamptz not null default now(),
  -- Since when a HELD branch waits for its coordinator (platform/participant/branch-store.ts).
  waiting_since timestamptz not null default now(),
  primary key (transaction_id, branch_id),
  constraint branches_state check (
    case kind
      when 'reserve' then state in ('HELD', 'REFUSED', 'CONFIRMED', 'CANCELLED')
      when 'take' then state in ('TAKEN', 'REFUSED', 'UNDONE')
      when 'restock' then state in ('GIVEN', 'REFUSED')
      else false
    end
  ),
  constraint branches_refusal check (state <> 'REFUSED' or (refusal is not null and refused_product is not null)),
  constraint branches_lines check (cardinality(product_ids) = cardinality(quantities))
) with (fillfactor = 70);

-- Written so that it is of use to the search for hanging ones alone: to the functions below, which read by name,
-- `state = 'HELD'` would in a new database look like the better index.
create index branches_hanging on branches (waiting_since) where (case state when 'HELD' then true end);

-- All functions on branches take their locks in one order, so that calls that overlap in any way take turns and don't
-- deadlock:
--   1. insert the rows of the names that are new, by name;
--   2. lock the rows of the names that were there, by name;
--   3. lock the stock, by product.
-- Step 1 waits for others in their step 1 alone: the row that it runs into is one that another inserted and has not
-- committed, and nobody in step 2 waits for such a row, because a row that step 2 locks was committed when step 1 came
-- by. (A row is removed by the transaction that inserted it, or long after it ended, by one that waits for nobody.)
-- Steps 2 and 3 wait for locks of their own step or of a later one, in ascending order. What step 2 did not lock is not
-- touched: a row that was committed since would be waited for out of order.
--
-- No plan may scan a whole table or index. In a new database the tables look small, a plan made then may live as long
-- as its connection, and they grow: hence enable_seqscan, and a cost of a row that makes reading few of them win. And a
-- statement is planned once for a connection: a plan for the arrays at hand seems cheaper each time, and costs more
-- than it saves. What functions that are called from these need is set by their callers.

-- Step 2. Returns the names that it locked.
create function lock_branches(
  transactions uuid[], names text[], out locked_transactions uuid[], out locked_names text[]
)
language plpgsql as $$
begin
  select coalesce(array_agg(locked.transaction_id), '{}'), coalesce(array_agg(locked.branch_id), '{}')
    into locked_transactions, locked_names
    from (
      select b.transaction_id, b.branch_id from branches b
        where (b.transaction_id, b.branch_id) in (select * from unnest(transactions, names))
        order by b.transaction_id, b.branch_id
        for no key update
    ) locked;
end $$;

-- Says which branches can't have what they want, when each in turn gets all of its lines or none. `positions`, `wanted`
-- and `quantities` are the lines, `products` and `budgets` what there is; a product that isn't there is not found.
create function refused_branches(
  positions bigint[], wanted uuid[], quantities integer[], products uuid[], budgets bigint[]
) returns table (branch_position bigint, refusal text, refused_product uuid)
language plpgsql as $$
declare
  branch record;
  line integer;
begin
  for branch in
    select w.position,
        array_agg(w.product_id order by w.line) as product_ids,
        array_agg(w.quantity order by w.line) as quantities,
        -- The products' places in `budgets`.
        array_agg(p.place order by w.line) as places
      from unnest(positions, wanted, quantities) with ordinality as w (position, product_id, quantity, line)
      left join unnest(products) with ordinality as p (product_id, place) on p.product_id = w.product_id
      group by w.position
      order by w.position
  loop
    refusal := null;
    for line in 1 .. cardinality(branch.places) loop
      if branch.places[line] is null then
        refusal := 'PRODUCT_NOT_FOUND';
      elsif budgets[branch.places[line]] < branch.quantities[line] then
        refusal := 'INSUFFICIENT_STOCK';
      end if;
      if refusal is not null then
        branch_position := branch.position;
        refused_product := branch.product_ids[line];
        return next;
        exit;
      end if;
    end loop;
    continue when refusal is not null;
    for line in 1 .. cardinality(branch.places) loop
      budgets[branch.places[line]] := budgets[branch.places[line]] - branch.quantities[line];
    end loop;
  end loop;
end $$;

-- TCC's try (kind 'reserve') and the Saga's step (kind 'take'). Branch i has the lines firsts[i] to lasts[i], by
-- product id. Returns for each branch of the call, in its order, '' when it is done, else the reason: BRANCH_… for a
-- conflict, any other for a refusal, and the product that it is about. And in each row, whether nothing is left of a
-- product since; events tell so, with `caller_trace`.
create function take_stock(
  the_kind text, transactions uuid[], names text[], firsts integer[], lasts integer[], products uuid[],
  quantities integer[], caller_trace text
) returns table (reason text, subject uuid, depleted boolean)
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off set cpu_tuple_cost = 1 as $$
#variable_conflict use_variable
declare
  -- The new branches, by their positions in the call, and their lines.
  fresh bigint[];
  line_positions bigint[];
  line_products uuid[];
  line_quantities integer[];
  -- What can be had.
  offered uuid[];
  budgets bigint[];
  -- Those of the new branches that get nothing, with what is known of them.
  refused bigint[];
  refusals text[];
  refused_products uuid[];
  -- The products of which the last piece was taken.
  emptied uuid[];
begin
  -- A branch is inserted as what it becomes if the stock suffices: that spares the usual case a second write.
  with given as materialized (
    select distinct on (g.transaction_id, g.branch_id) *
      from unnest(transactions, names, firsts, lasts)
        with ordinality as g (transaction_id, branch_id, first, last, position)
      order by g.transaction_id, g.branch_id, g.position
  ), inserted as (
    insert into branches (transaction_id, branch_id, kind, state, product_ids, quantities)
      select g.transaction_id, g.branch_id, the_kind, case the_kind when 'reserve' then 'HELD' else 'TAKEN' end,
          products[g.first:g.last], quantities[g.first:g.last]
        from given g
        order by g.transaction_id, g.branch_id
      on conflict do nothing
      returning transaction_id, branch_id
  )
  select array_agg(g.position) into fresh
    from given g join inserted i on i.transaction_id = g.transaction_id and i.branch_id = g.branch_id;

  if fresh is null or cardinality(fresh) < cardinality(names) then
    perform lock_branches(transactions, names);
  end if;

  if fresh is not null then
    select array_agg(f.position), array_agg(l.product_id), array_agg(l.quantity)
      into line_positions, line_products, line_quantities
      from unnest(fresh) as f (position),
        unnest(products[firsts[f.position]:lasts[f.position]], quantities[firsts[f.position]:lasts[f.position]])
          as l (product_id, quantity);
    -- Read by the statement that locks: after a wait it sees what the other left.
    select array_agg(locked.product_id), array_agg(locked.available) into offered, budgets
      from (
        select s.product_id, s.available
          from stock s
          where s.product_id in (select unnest(line_products)) and s.offered
          order by s.product_id
          for no key update
      ) locked;
    -- Mostly there is enough for all of them.
    if exists (
      select from (
          select l.product_id, sum(l.quantity) as total
            from unnest(line_products, line_quantities) as l (product_id, quantity)
            group by l.product_id
        ) demand
        left join unnest(offered, budgets) as o (product_id, budget) on o.product_id = demand.product_id
        where o.budget is null or o.budget < demand.total
    ) then
      select array_agg(r.branch_position), array_agg(r.refusal), array_agg(r.refused_product)
        into refused, refusals, refused_products
        from refused_branches(line_positions, line_products, line_quantities, offered, budgets) r;
    end if;
    with changed as (
      update stock s set
          available = s.available - moved.quantity,
          held = s.held + case the_kind when 'reserve' then moved.quantity else 0 end,
          sold = s.sold + case the_kind when 'take' then moved.quantity else 0 end
        from (
          select l.product_id, sum(l.quantity)::bigint as quantity
            from unnest(line_positions, line_products, line_quantities) as l (position, product_id, quantity)
            where refused is null or l.position <> all (refused)
            group by l.product_id
        ) moved
        where s.product_id = moved.product_id
        returning s.product_id, s.available
    )
    select array_agg(c.product_id) into emptied from changed c where c.available = 0;
    if emptied is not null then
      insert into outbox (subject, type, data, traceparent)
        select e.product_id, 'shop.product.v1.StockDepleted', encode_stock_depleted(e.product_id), caller_trace
          from unnest(emptied) as e (product_id);
    end if;
    if refused is not null then
      update branches b set state = 'REFUSED', refusal = r.refusal, refused_product = r.refused_product
        from unnest(refused, refusals, refused_products) as r (position, refusal, refused_product)
        where b.transaction_id = transactions[r.position] and b.branch_id = names[r.position];
    elsif cardinality(fresh) = cardinality(names) then
      return query select '', null::uuid, emptied is not null from unnest(names);
      return;
    end if;
  end if;

  -- What the rows say now holds for new and for repeated branches, and for one that is in the call twice.
  return query
    select answer.reason, case when answer.reason = b.refusal then b.refused_product end, emptied is not null
      from unnest(transactions, names, firsts, lasts)
        with ordinality as g (transaction_id, branch_id, first, last, position)
      join branches b on b.transaction_id = g.transaction_id and b.branch_id = g.branch_id
      cross join lateral (
        select case
            when b.kind <> the_kind then 'BRANCH_MISMATCH'
            when b.state in ('CANCELLED', 'UNDONE') then 'BRANCH_CANCELLED'
            when b.product_ids is distinct from products[g.first:g.last]
              or b.quantities is distinct from quantities[g.first:g.last] then 'BRANCH_MISMATCH'
            when b.state = 'REFUSED' then b.refusal
            else ''
          end as reason
      ) answer
      order by g.position;
end $$;
