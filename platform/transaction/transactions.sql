-- The distributed transactions that this service coordinates. A row is there before the first step is sent.
create table transactions (
  id uuid primary key,
  kind text not null,
  -- What it is about.
  entity_id uuid not null,
  state text not null constraint transactions_state
    check (state in ('RUNNING', 'COMMITTING', 'COMMITTED', 'ROLLING_BACK', 'ROLLED_BACK')),
  -- What its steps need beside the entity itself. Null: nothing.
  input jsonb,
  -- W3C trace context of the call that began it. Empty: unknown.
  traceparent text not null default '',
  attempts integer not null default 0,
  last_error text not null default '',
  -- Until then nobody else takes it over. It only saves double work: what is decided is decided by `state` alone.
  lease_until timestamptz not null,
  -- Counts the takeovers, so that one who was overtaken doesn't move the lease of his successor.
  epoch integer not null default 0,
  -- Whether it is in none of the final states. Beside `state`, so that deciding touches no index.
  open boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint transactions_open check (open = (state not in ('COMMITTED', 'ROLLED_BACK')))
) with (fillfactor = 70);

-- The few that are under way, for recovery.
create index transactions_open on transactions (id) where open;
create index transactions_by_entity on transactions (entity_id, id);
