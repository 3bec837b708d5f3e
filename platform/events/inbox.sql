-- Up to where this service has taken effect of each publisher's events, by partition. Moved by the transaction that
-- commits the effects, and only from the position that it began at: of two processes that read the same, one commits.
-- Rows are updated all the time: half-empty pages keep the new versions beside the old ones.
create table event_positions (
  publisher text not null,
  partition smallint not null,
  -- Null: a snapshot has to be taken first. Whoever takes it holds the row's lock until it is through.
  position bigint,
  -- The instance that reads the partition, and until when others leave it alone. It only saves double work.
  owner text,
  lease_until timestamptz not null default '-infinity',
  primary key (publisher, partition)
) with (fillfactor = 50);

-- The instances of this service that share a publisher's partitions.
create table event_members (
  instance text not null,
  publisher text not null,
  seen_at timestamptz not null,
  primary key (instance, publisher)
) with (fillfactor = 50);

-- Events that could not take effect, and those of the same subject behind them. The first of a subject is RETRYING or
-- PARKED, all others are WAITING. One is added only by who holds a lock on an earlier one of its subject, or finds
-- none: so none is left behind by who removes the last.
create table parked_events (
  publisher text not null,
  position bigint not null,
  partition smallint not null,
  event_id uuid not null,
  subject uuid not null,
  type text not null,
  -- The whole shop.event.v1.Event, encoded.
  event bytea not null,
  state text not null constraint parked_events_state check (state in ('RETRYING', 'WAITING', 'PARKED')),
  attempts integer not null default 0,
  last_error text not null default '',
  -- Null: not by itself.
  next_attempt_at timestamptz,
  parked_at timestamptz not null default now(),
  primary key (publisher, position)
);

create index parked_events_by_id on parked_events (event_id);
create index parked_events_by_subject on parked_events (publisher, subject, position);
create index parked_events_due on parked_events (next_attempt_at) where state = 'RETRYING';
create index parked_events_unknown on parked_events (type) where last_error = 'UNKNOWN_VERSION';
