-- The catalogue. A deleted product keeps its row: orders that were placed refer to it, and its stock can come back.
create table products (
  -- UUIDv7, so that newest first is by id.
  id uuid primary key,
  name text not null constraint products_name check (char_length(name) between 1 and 200),
  -- What the list by name is ordered by (product.ts, nameKey): without case and accents, made by the service. Compared
  -- byte by byte, so the index depends on no locale library, whose next version might sort otherwise. A page token
  -- carries it, hence the limit.
  name_key text collate "C" not null constraint products_name_key check (octet_length(name_key) <= 400),
  description text not null default '' constraint products_description check (char_length(description) <= 5000),
  -- Minor units of the currency.
  price bigint not null constraint products_price check (price between 0 and 1000000000000),
  currency text collate "C" not null constraint products_currency check (currency ~ '^[A-Z]{3}$'),
  -- Grows with each change of what is above. The etag is made of it.
  version bigint not null default 1,
  -- Milliseconds, as a JavaScript Date holds them.
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3),
  -- 'english' and not 'simple', so that "mugs" finds a mug. Texts in other languages are found too, by their words as
  -- they stand; what is lost are searches for English stop words alone ("the"), which find nothing.
  search tsvector not null generated always as (
    setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', description), 'B')
  ) stored
);

create index products_by_name on products (name_key, id) where deleted_at is null;
-- Amounts of two currencies can't be compared, so the order by price goes currency by currency.
create index products_by_price on products (currency, price, id) where deleted_at is null;
create index products_by_word on products using gin (search);

-- Answers to creating methods, by the client's request id (platform/db/requests.ts).
create table requests (
  scope text not null,
  request_id uuid not null,
  fingerprint bytea not null,
  -- Null only inside the transaction that inserts the row.
  response bytea,
  created_at timestamptz not null default now(),
  primary key (scope, request_id)
);

create index requests_created_at on requests (created_at);
