-- What comes after a branch's first step: confirm, cancel, give back. Locks as 003 says.

-- TCC's confirm: what was held is sold. Returns '' or a conflict for each branch, in the call's order.
create function confirm_reservations(transactions uuid[], names text[]) returns setof text
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off set cpu_tuple_cost = 1 as $$
declare
  -- A reservation may have been committed since they were locked. Its confirm came too early, and is answered so.
  locked record;
begin
  select * into locked from lock_branches(transactions, names);
  perform from stock s
    where s.product_id in (
      select unnest(b.product_ids) from branches b
        where (b.transaction_id, b.branch_id) in (
          select * from unnest(locked.locked_transactions, locked.locked_names)
        ) and b.state = 'HELD'
    )
    order by s.product_id
    for no key update;
  with confirmed as (
    update branches b set state = 'CONFIRMED'
      where (b.transaction_id, b.branch_id) in (
          select * from unnest(locked.locked_transactions, locked.locked_names)
        ) and b.state = 'HELD'
      returning b.product_ids, b.quantities
  )
  update stock s set held = s.held - moved.quantity, sold = s.sold + moved.quantity
    from (
      select l.product_id, sum(l.quantity)::bigint as quantity
        from confirmed c, unnest(c.product_ids, c.quantities) as l (product_id, quantity)
        group by l.product_id
    ) moved
    where s.product_id = moved.product_id;
  return query
    select case
        when b.kind <> 'reserve' then 'BRANCH_MISMATCH'
        when b.state = 'CONFIRMED' then ''
        when b.state = 'CANCELLED' then 'BRANCH_CANCELLED'
        -- A refused reservation has nothing to confirm, no more than one that never came.
        else 'BRANCH_UNKNOWN'
      end
      from unnest(transactions, names) with ordinality as g (transaction_id, branch_id, position)
      left join branches b on b.transaction_id = g.transaction_id and b.branch_id = g.branch_id
      order by g.position;
end $$;

-- TCC's cancel: what was held is available again. Before its reservation, it leaves a mark that makes the late
-- reservation a conflict.
create function cancel_reservations(transactions uuid[], names text[]) returns setof text
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off set cpu_tuple_cost = 1 as $$
begin
  insert into branches (transaction_id, branch_id, kind, state)
    select distinct g.transaction_id, g.branch_id, 'reserve', 'CANCELLED'
      from unnest(transactions, names) as g (transaction_id, branch_id)
      order by g.transaction_id, g.branch_id
    on conflict do nothing;
  perform lock_branches(transactions, names);
  perform from stock s
    where s.product_id in (
      select unnest(b.product_ids) from branches b
        where (b.transaction_id, b.branch_id) in (select * from unnest(transactions, names)) and b.state = 'HELD'
    )
    order by s.product_id
    for no key update;
  update stock s set held = s.held - moved.quantity, available = s.available + moved.quantity
    from (
      select l.product_id, sum(l.quantity)::bigint as quantity
        from branches b, unnest(b.product_ids, b.quantities) as l (product_id, quantity)
        where (b.transaction_id, b.branch_id) in (select * from unnest(transactions, names)) and b.state = 'HELD'
        group by l.product_id
    ) moved
    where s.product_id = moved.product_id;
  update branches b set state = 'CANCELLED'
    where (b.transaction_id, b.branch_id) in (select * from unnest(transactions, names))
      and b.kind = 'reserve' and b.state in ('HELD', 'REFUSED');
  return query
    select case
        when b.kind <> 'reserve' then 'BRANCH_MISMATCH'
        when b.state = 'CONFIRMED' then 'BRANCH_CONFIRMED'
        else ''
      end
      from unnest(transactions, names) with ordinality as g (transaction_id, branch_id, position)
      join branches b on b.transaction_id = g.transaction_id and b.branch_id = g.branch_id
      order by g.position;
end $$;

-- The Saga's compensation: what was sold is available again, of deleted products too. Branch i gives back the lines
-- firsts[i] to lasts[i] (by product id), or undoes the take undone[i] of its transaction; then it has no lines. More
-- than was sold can't come back: such a branch is refused. Returns reason and subject as take_stock does.
create function restock(
  transactions uuid[], names text[], undone text[], firsts integer[], lasts integer[], products uuid[],
  quantities integer[]
) returns table (reason text, subject uuid)
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off set cpu_tuple_cost = 1 as $$
#variable_conflict use_variable
declare
  -- The new branches, by their positions in the call.
  fresh bigint[];
  -- The marks that were made now, for takes that have not come.
  mark_transactions uuid[];
  mark_names text[];
  line_positions bigint[];
  line_products uuid[];
  line_quantities integer[];
  offered uuid[];
  budgets bigint[];
  refused bigint[];
  refusals text[];
  refused_products uuid[];
begin
  -- The branches and the marks of what they undo, in one ordered pass. What turns out to be unfounded goes again below.
  -- A name that the call both gives and undoes is the one that it gives, and one that it gives twice counts as first.
  with given as materialized (
    select * from unnest(transactions, names, undone, firsts, lasts)
      with ordinality as g (transaction_id, branch_id, undoes, first, last, position)
  ), named as materialized (
    select distinct on (n.transaction_id, n.branch_id) *
      from (
        select g.transaction_id, g.branch_id, 'restock' as kind, 'GIVEN' as state, g.undoes, g.first, g.last, g.position
          from given g
        union all
        select g.transaction_id, g.undoes, 'take', 'UNDONE', null, null, null, null from given g
          where g.undoes is not null
      ) n
      order by n.transaction_id, n.branch_id, n.position nulls last
  ), inserted as (
    insert into branches (transaction_id, branch_id, kind, state, undoes, product_ids, quantities)
      select n.transaction_id, n.branch_id, n.kind, n.state, n.undoes,
          case when n.kind = 'restock' and n.undoes is null then products[n.first:n.last] end,
          case when n.kind = 'restock' and n.undoes is null then quantities[n.first:n.last] end
        from named n
        order by n.transaction_id, n.branch_id
      on conflict do nothing
      returning transaction_id, branch_id
  )
  select
      array_agg(n.position) filter (where n.kind = 'restock'),
      array_agg(n.transaction_id) filter (where n.kind = 'take'),
      array_agg(n.branch_id) filter (where n.kind = 'take')
    into fresh, mark_transactions, mark_names
    from named n join inserted i on i.transaction_id = n.transaction_id and i.branch_id = n.branch_id;

  perform lock_branches(transactions || transactions, names || undone);

  -- A reservation, a restock, or the branch itself can't be undone.
  with unfounded as (
    delete from branches b using unnest(fresh) as f (position), branches target
      where b.transaction_id = transactions[f.position] and b.branch_id = names[f.position]
        and target.transaction_id = b.transaction_id and target.branch_id = b.undoes and target.kind <> 'take'
      returning f.position
  )
  select array_agg(f.position) into fresh from unnest(fresh) as f (position)
    where f.position not in (select u.position from unfounded u);
  -- Nor does a branch that is itself a mismatch leave a mark.
  delete from branches b using unnest(mark_transactions, mark_names) as m (transaction_id, branch_id)
    where b.transaction_id = m.transaction_id and b.branch_id = m.branch_id
      and not exists (
        select from unnest(fresh) as f (position)
          where transactions[f.position] = m.transaction_id and undone[f.position] = m.branch_id
      );

  -- What comes back: the lines of the new branches, or those of the takes that they undo, each take's once.
  select array_agg(l.position), array_agg(l.product_id), array_agg(l.quantity)
    into line_positions, line_products, line_quantities
    from (
      select f.position, own.product_id, own.quantity
        from unnest(fresh) as f (position),
          unnest(products[firsts[f.position]:lasts[f.position]], quantities[firsts[f.position]:lasts[f.position]])
            as own (product_id, quantity)
        where undone[f.position] is null
      union all
      select min(f.position), taken.product_id, taken.quantity
        from unnest(fresh) as f (position)
        join branches b on b.transaction_id = transactions[f.position] and b.branch_id = undone[f.position]
        cross join unnest(b.product_ids, b.quantities) as taken (product_id, quantity)
        where b.state = 'TAKEN'
        group by b.transaction_id, b.branch_id, taken.product_id, taken.quantity
      order by 1, 2
    ) l;
  if line_positions is not null then
    select array_agg(locked.product_id), array_agg(locked.sold) into offered, budgets
      from (
        select s.product_id, s.sold from stock s where s.product_id in (select unnest(line_products))
          order by s.product_id
          for no key update
      ) locked;
    select array_agg(r.branch_position), array_agg(r.refusal), array_agg(r.refused_product)
      into refused, refusals, refused_products
      from refused_branches(line_positions, line_products, line_quantities, offered, budgets) r;
    update stock s set available = s.available + moved.quantity, sold = s.sold - moved.quantity
      from (
        select l.product_id, sum(l.quantity)::bigint as quantity
          from unnest(line_positions, line_products, line_quantities) as l (position, product_id, quantity)
          where refused is null or l.position <> all (refused)
          group by l.product_id
      ) moved
      where s.product_id = moved.product_id;
    -- Two branches of a call that undo the same take share its fate.
    update branches b set state = 'REFUSED', refusal = r.refusal, refused_product = r.refused_product
      from unnest(refused, refusals, refused_products) as r (position, refusal, refused_product),
        unnest(fresh) as f (position)
      where (f.position = r.position
          or (transactions[f.position] = transactions[r.position] and undone[f.position] = undone[r.position]))
        and b.transaction_id = transactions[f.position] and b.branch_id = names[f.position];
  end if;
  update branches b set state = 'UNDONE'
    from unnest(fresh) as f (position), branches own
    where own.transaction_id = transactions[f.position] and own.branch_id = names[f.position] and own.state = 'GIVEN'
      and b.transaction_id = own.transaction_id and b.branch_id = own.undoes and b.state in ('TAKEN', 'REFUSED');

  return query
    select answer.reason, case when answer.reason = b.refusal then b.refused_product end
      from unnest(transactions, names, undone, firsts, lasts)
        with ordinality as g (transaction_id, branch_id, undoes, first, last, position)
      left join branches b on b.transaction_id = g.transaction_id and b.branch_id = g.branch_id
      cross join lateral (
        select case
            -- No row: it was unfounded.
            when b.kind is distinct from 'restock'
              or b.undoes is distinct from g.undoes
              or g.undoes is null and (
                b.product_ids is distinct from products[g.first:g.last]
                or b.quantities is distinct from quantities[g.first:g.last]
              ) then 'BRANCH_MISMATCH'
            when b.state = 'REFUSED' then b.refusal
            else ''
          end as reason
      ) answer
      order by g.position;
end $$;
