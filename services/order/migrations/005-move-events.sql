-- What sequence_events does, which the release before calls; but the answer has the events: whoever follows the log in
-- the process that moves them need not read them again. Without their data where all data is more than `most_bytes`.
--
-- The last row tells of the move, and has no position.
create function move_events(at_most integer, settled bigint, most_bytes bigint)
returns table (
  "position" bigint, id uuid, subject uuid, type text, data bytea, traceparent text,
  -- Seconds since 1970.
  "time" double precision,
  -- The last position that was given before, to whatever became of it; and the moved ones' last number in the outbox.
  position_before bigint, last_seq bigint,
  -- As in sequence_events.
  given_seq bigint, xid bigint, oldest_xid bigint
)
language plpgsql
-- The outbox is nearly always empty, whatever its statistics say.
set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
  due tid[];
  bytes bigint;
begin
  lock table event_log_lock in exclusive mode;
  select case when is_called then last_value else 0 end, pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    into given_seq, oldest_xid from outbox_seq;
  select case when is_called then last_value else 0 end into position_before from events_position_seq;
  select array_agg(o.place), max(o.seq), sum(o.bytes) into due, last_seq, bytes
    from (
      select ctid as place, seq, octet_length(data) as bytes from outbox where seq > settled order by seq limit at_most
    ) o;
  if due is not null then
    xid := pg_current_xact_id()::text::bigint;
    -- What is inserted in the order of `seq` gets its positions, and is returned, in that order.
    return query
      with taken as (
        delete from outbox where ctid = any (due) returning *
      )
      insert into events (id, subject, type, data, traceparent, created_at)
      select id, subject, type, data, traceparent, created_at from taken order by seq
      returning position, id, subject, type, case when bytes <= most_bytes then data end, traceparent,
        date_part('epoch', created_at),
        null::bigint, null::bigint, null::bigint, null::bigint, null::bigint;
    perform pg_notify('events', (select last_value from events_position_seq)::text);
  end if;
  return next;
end $$;
