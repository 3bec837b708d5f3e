-- Keys that sign access tokens (ES256). One signs at a time: from signs_from until signs_until. Its successor is
-- there, and listed, some time before that; its public half stays until the last token that it signed has expired.
CREATE TABLE signing_keys (
  id text PRIMARY KEY,
  -- JSON Web Key.
  public_key text NOT NULL,
  -- JSON Web Key as UTF-8, sealed (AES-256-GCM: 12 bytes of nonce, ciphertext, 16 bytes of tag; the key's id is
  -- authenticated along) where the service is configured to.
  private_key bytea NOT NULL,
  sealed boolean NOT NULL,
  signs_from timestamptz NOT NULL,
  signs_until timestamptz NOT NULL,
  CHECK (signs_from < signs_until)
);
