-- Copies of what other services have, kept by their events, so that reads need no call. Their ids are never used
-- again, and a row whose subject is gone stays: what comes late doesn't bring it back.

-- People. Erased when the account is deleted: then nothing but the id is left.
create table user_copies (
  id uuid primary key,
  -- Of the account: a name of an older version never replaces a newer one.
  version bigint not null,
  -- What the person is called. Null: the account was deleted.
  name text
);

-- The catalogue.
create table product_copies (
  id uuid primary key,
  version bigint not null,
  -- Null: it left the catalogue.
  name text
);
