-- The partition of what has this id: as partitionOf in event.ts.
create function event_partition(subject uuid) returns smallint
language sql immutable strict parallel safe
return (get_byte(uuid_send(subject), 15) % 8)::smallint;

create sequence outbox_seq;

-- What has happened here and has no place in the log yet. A row is written by the transaction that changes the state,
-- after it has locked what the event is about: so the events of one subject get their `seq` in the order of commits.
create table outbox (
  -- The transaction has its id before it takes a number: move_events tells by the one whether the other is settled.
  seq bigint primary key
    default nextval(case when pg_current_xact_id() is not null then 'outbox_seq'::regclass end),
  id uuid not null default gen_random_uuid(),
  subject uuid not null,
  type text not null,
  data bytea not null constraint outbox_data_size check (octet_length(data) <= 262144),
  traceparent text not null default '',
  created_at timestamptz not null default clock_timestamp()
) with (vacuum_truncate = off); -- Writers would wait for it, and the room is needed again.

-- The log: what consumers read. `position` is given by move_events, in the order of commits: whoever has read up
-- to a position will never find an event before it.
create table events (
  position bigint generated always as identity,
  partition smallint not null generated always as (event_partition(subject)) stored,
  id uuid not null,
  subject uuid not null,
  type text not null,
  data bytea not null,
  traceparent text not null,
  created_at timestamptz not null,
  primary key (partition, position)
);

-- Locked by whoever moves events from the outbox to the log. It has no rows.
create table event_log_lock ();

-- Up to where each registered consumer has committed the effects. What one has not acknowledged stays in the log.
create table event_consumers (
  consumer text not null,
  partition smallint not null,
  position bigint not null,
  seen_at timestamptz not null default now(),
  primary key (consumer, partition)
);

-- The last position of each partition that was removed from the log.
create table event_log_starts (
  partition smallint primary key,
  position bigint not null
);
insert into event_log_starts select partition, 0 from generate_series(0, 7) as partition;

-- Moves what is committed in the outbox to the end of the log. One at a time: the statement after the lock sees what
-- was committed until then, and so the positions of two moves never mix. Whoever follows the log is told the last
-- position: here and not in the writers' transactions, as NOTIFY makes their commits wait for each other. The answer has
-- the events, for who follows the log in the process that moves them: without their data where all data is more than
-- `most_bytes`. The last row tells of the move, and has no position.
--
-- Only rows above `settled` are looked at: those up to there are gone, but the index is full of their remains for as
-- long as any transaction in this database is older than them. To raise it: whatever has a number up to `given_seq` got
-- it from a transaction older than `xid`; once `oldest_xid` of a later call is above that, they have ended and are moved.
create function move_events(at_most integer, settled bigint, most_bytes bigint)
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
