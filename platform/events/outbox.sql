-- The partition of what has this id: as partitionOf in event.ts.
create function event_partition(subject uuid) returns smallint
language sql immutable strict parallel safe
return (get_byte(uuid_send(subject), 15) % 8)::smallint;

create sequence outbox_seq;

-- What has happened here and has no place in the log yet. A row is written by the transaction that changes the state,
-- after it has locked what the event is about: so the events of one subject get their `seq` in the order of commits.
create table outbox (
  -- The transaction has its id before it takes a number: sequence_events tells by the one whether the other is settled.
  seq bigint primary key
    default nextval(case when pg_current_xact_id() is not null then 'outbox_seq'::regclass end),
  id uuid not null default gen_random_uuid(),
  subject uuid not null,
  type text not null,
  data bytea not null constraint outbox_data_size check (octet_length(data) <= 262144),
  traceparent text not null default '',
  created_at timestamptz not null default clock_timestamp()
) with (vacuum_truncate = off); -- Writers would wait for it, and the room is needed again.

-- The log: what consumers read. `position` is given by sequence_events, in the order of commits: whoever has read up
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
-- position: here and not in the writers' transactions, as NOTIFY makes their commits wait for each other.
--
-- Only rows above `settled` are looked at: those up to there are gone, but the index is full of their remains for as
-- long as any transaction in this database is older than them. To raise it: whatever has a number up to `given_seq` got
-- it from a transaction older than `xid`; once `oldest_xid` of a later call is above that, they have ended and are moved.
create function sequence_events(
  at_most integer, settled bigint,
  -- How many were moved, also by type, and the position of the last one and its number in the outbox.
  out moved integer, out types jsonb, out last_position bigint, out last_seq bigint,
  -- The last number given before the move, this transaction if it moved any, and the oldest one under way.
  out given_seq bigint, out xid bigint, out oldest_xid bigint
)
language plpgsql
-- The outbox is nearly always empty, whatever its statistics say.
set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  lock table event_log_lock in exclusive mode;
  select case when is_called then last_value else 0 end, pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    into given_seq, oldest_xid from outbox_seq;
  with due as (
    delete from outbox
    where ctid = any (array(select ctid from outbox where seq > settled order by seq limit at_most))
    returning *
  ), put as (
    insert into events (id, subject, type, data, traceparent, created_at)
    select id, subject, type, data, traceparent, created_at from due order by seq
    returning type, position
  ), counted as (
    select type, count(*) as events, max(position) as position from put group by type
  )
  select coalesce(sum(c.events), 0), coalesce(jsonb_object_agg(c.type, c.events), '{}'), max(c.position),
      (select max(seq) from due)
    into moved, types, last_position, last_seq from counted c;
  if moved > 0 then
    xid := pg_current_xact_id()::text::bigint;
    perform pg_notify('events', last_position::text);
  end if;
end $$;
