-- One row for each account there ever was. A deleted account keeps its id, its role and its times, because wallets,
-- ledger and other services refer to the id; what tells who it was is gone.
CREATE TABLE users (
  id uuid PRIMARY KEY,
  -- Normalised: NFC, lower case.
  email text CHECK (char_length(email) BETWEEN 3 AND 254 AND email = lower(email)),
  display_name text CHECK (char_length(display_name) BETWEEN 1 AND 100),
  -- Argon2id in PHC string format, so each hash carries its own parameters.
  password_hash text,
  -- Grows when the password changes, not when the same password is hashed again with other parameters.
  password_version integer NOT NULL DEFAULT 1,
  role text NOT NULL CHECK (role IN ('customer', 'admin')),
  -- Grows with each change that the account's owner can see. The etag is made of it.
  version bigint NOT NULL DEFAULT 1,
  -- Milliseconds, so that a JavaScript Date holds them without loss and can be a page's cursor.
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  deleted_at timestamptz(3),
  CONSTRAINT users_erased_when_deleted CHECK (
    CASE
      WHEN deleted_at IS NULL THEN num_nulls(email, display_name, password_hash) = 0
      ELSE num_nonnulls(email, display_name, password_hash) = 0
    END
  )
);

CREATE UNIQUE INDEX users_email ON users (email) WHERE deleted_at IS NULL;
CREATE INDEX users_newest_first ON users (created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX users_admins ON users (id) WHERE role = 'admin' AND deleted_at IS NULL;

-- Answers to creating methods, by the client's request id (platform/db/requests.ts).
CREATE TABLE requests (
  scope text NOT NULL,
  request_id uuid NOT NULL,
  fingerprint bytea NOT NULL,
  -- Null only inside the transaction that inserts the row.
  response bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, request_id)
);

CREATE INDEX requests_created_at ON requests (created_at);
-- The response of a registration is the new account's id alone: the rest of the answer follows from the request and
-- from users. A deleted account's registration is found by it.
CREATE INDEX requests_registered_user ON requests (response) WHERE scope = 'register';
