-- Events could stay in the outbox until the process that moves them was started again, while later ones of their subject
-- took effect: the last number that the sequence had given was read while another was being given.

-- Called by no release that still runs.
drop function sequence_events;

-- Moves what is committed in the outbox to the end of the log. One at a time: the statement after the lock sees what
-- was committed until then, and so the positions of two moves never mix. Whoever follows the log is told the last
-- position: here and not in the writers' transactions, as NOTIFY makes their commits wait for each other. The answer has
-- the events, for who follows the log in the process that moves them: without their data where all data is more than
-- `most_bytes`. The last row tells of the move, and has no position.
--
-- Only rows above `settled` are looked at: those up to there are gone, but the index is full of their remains for as
-- long as any transaction in this database is older than them. To raise it: whatever has a number up to `given_seq` got
-- it from a transaction older than `xid`; once `oldest_xid` of a later call is above that, they have ended and are moved.
create or replace function move_events(at_most integer, settled bigint, most_bytes bigint)
returns table (
  "position" bigint, id uuid, subject uuid, type text, data bytea, traceparent text,
  -- Seconds since 1970.
  "time" double precision,
  -- The last position that was given before, to whatever became of it; and the moved ones' last number in the outbox.
  position_before bigint, last_seq bigint,
  -- The last number given before the move, this transaction if it moved any, and the oldest one under way.
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
  -- Not the sequence's last_value: while a number is being given that one may be 32 ahead, for what the WAL is told.
  given_seq := coalesce(pg_sequence_last_value('outbox_seq'), 0);
  oldest_xid := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  position_before := coalesce(pg_sequence_last_value('events_position_seq'), 0);
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
    perform pg_notify('events', pg_sequence_last_value('events_position_seq')::text);
  end if;
  return next;
end $$;
