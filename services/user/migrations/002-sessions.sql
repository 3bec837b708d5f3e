-- What one login opened: a family of refresh tokens, each traded for the next. Ending a session is deleting its row,
-- which takes the tokens along. Whoever locks a session and its tokens locks the session first.
CREATE TABLE sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- When the newest refresh token ends.
  expires_at timestamptz NOT NULL
);

CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE refresh_tokens (
  -- SHA-256 of the token. The token is 32 random bytes, so a fast hash can't be searched.
  hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
  session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
  expires_at timestamptz NOT NULL,
  -- Used tokens stay until they expire, so that a second use is noticed.
  used_at timestamptz
);

CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);

-- Trades a refresh token for the next one, once. Of two simultaneous uses one is served, and the other ends the
-- session at once, the winner's new tokens included: the service can't know which of the two was the thief.
--
-- outcome: 'rotated' with the session's user and present role; 'reused' when the session was ended; no row when the
-- token is unknown or has expired.
CREATE FUNCTION rotate_refresh_token(presented bytea, replacement bytea, replacement_expires_at timestamptz)
RETURNS TABLE (outcome text, session_id uuid, user_id uuid, role text)
LANGUAGE plpgsql AS $$
DECLARE
  family sessions;
  token_expires_at timestamptz;
BEGIN
  SELECT s.* INTO family
    FROM sessions s JOIN refresh_tokens t ON t.session_id = s.id
    WHERE t.hash = presented
    FOR UPDATE OF s;
  IF NOT FOUND THEN RETURN; END IF;

  UPDATE refresh_tokens t SET used_at = now()
    WHERE t.hash = presented AND t.used_at IS NULL
    RETURNING t.expires_at INTO token_expires_at;
  IF NOT FOUND THEN
    DELETE FROM sessions s WHERE s.id = family.id;
    RETURN QUERY SELECT 'reused', family.id, family.user_id, NULL::text;
    RETURN;
  END IF;
  IF token_expires_at <= now() THEN RETURN; END IF;

  INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES (replacement, family.id, replacement_expires_at);
  UPDATE sessions s SET expires_at = replacement_expires_at WHERE s.id = family.id;
  RETURN QUERY SELECT 'rotated', family.id, u.id, u.role FROM users u WHERE u.id = family.user_id;
END $$;
