-- Orders, with their lines in the row: they are always read and written together, and one row is the cheapest write.
-- Ids are UUIDv7, so newest first is by id.
create table orders (
  id uuid primary key,
  user_id uuid not null,
  -- The CreateOrder request that made it. Null once an attempt failed for technical reasons, so that the client's
  -- repeat begins anew instead of getting the old failure for ever.
  request_id uuid,
  -- SHA-256 of that request's contents.
  fingerprint bytea not null,
  state text not null constraint orders_state check (state in ('PENDING', 'PLACED', 'REJECTED', 'CANCELLED')),
  -- Counts the changes, from 1. Placing makes version 2.
  version bigint not null constraint orders_version check (version > 0),
  -- [{productId, productName, unitPrice, quantity}], unitPrice in minor units of the currency.
  lines jsonb not null,
  -- The lines as they were placed, once an update has replaced them: a repeated CreateOrder answers with them. Null:
  -- the lines still are those.
  placed_lines jsonb,
  currency text not null constraint orders_currency check (length(currency) = 3),
  -- Minor units.
  total bigint not null constraint orders_total check (total >= 0),
  reject_reason text not null default '',
  -- The product that the reason is about. Null: it is about none.
  reject_subject uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint orders_rejected check ((state = 'REJECTED') = (reject_reason <> ''))
  -- Each order is updated soon after it is inserted. Room in its page, and no index on what changes, keep that cheap.
) with (fillfactor = 70);

create unique index orders_by_request on orders (user_id, request_id);
create index orders_by_user on orders (user_id, id) where deleted_at is null;

-- One row for each version of each order. WatchOrder reads it, and a repeated CreateOrder the version it made.
create table order_changes (
  order_id uuid not null,
  version bigint not null,
  state text not null,
  currency text not null,
  total bigint not null,
  changed_at timestamptz not null default now(),
  primary key (order_id, version)
);
