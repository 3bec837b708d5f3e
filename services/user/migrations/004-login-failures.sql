-- How often logins have failed in a row, by the SHA-256 of the normalised address, so that an address without an
-- account is slowed as one with an account. The row goes when a login succeeds, when the account is deleted, and
-- when there was no attempt for a while.
CREATE TABLE login_failures (
  account bytea PRIMARY KEY CHECK (octet_length(account) = 32),
  failures integer NOT NULL CHECK (failures > 0),
  blocked_until timestamptz NOT NULL,
  last_attempt_at timestamptz NOT NULL
);

CREATE INDEX login_failures_last_attempt_at ON login_failures (last_attempt_at);

-- Counts an attempt as failed before the password is looked at: were it counted afterwards, a hundred simultaneous
-- guesses would all pass. Returns null when the attempt may go on, else the time to wait; an attempt that has to wait
-- is not counted, so that waiting never gets longer by asking. From the tolerated failure on each failure blocks the
-- account, first for first_delay, then twice as long each time, up to longest_delay.
CREATE FUNCTION claim_login_attempt(
  the_account bytea, tolerated integer, first_delay interval, longest_delay interval, forget_after interval
) RETURNS interval
LANGUAGE plpgsql AS $$
DECLARE
  known login_failures;
  -- Not now(): the row's lock may have been waited for.
  present timestamptz;
BEGIN
  INSERT INTO login_failures VALUES (the_account, 1, now(), now()) ON CONFLICT (account) DO NOTHING;
  IF FOUND THEN RETURN NULL; END IF;

  SELECT * INTO known FROM login_failures f WHERE f.account = the_account FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  present := clock_timestamp();
  IF known.blocked_until > present THEN RETURN known.blocked_until - present; END IF;

  IF known.last_attempt_at < present - forget_after THEN known.failures := 0; END IF;
  known.failures := known.failures + 1;
  UPDATE login_failures f SET
    failures = known.failures,
    blocked_until = present + CASE
      WHEN known.failures < tolerated THEN interval '0'
      -- The exponent is bounded only to keep the product from overflowing.
      ELSE least(longest_delay, first_delay * power(2, least(known.failures - tolerated, 20)))
    END,
    last_attempt_at = present
    WHERE f.account = the_account;
  RETURN NULL;
END $$;

-- Takes back a claim whose password was never looked at.
CREATE FUNCTION release_login_attempt(the_account bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM login_failures f WHERE f.account = the_account AND f.failures = 1;
  IF NOT FOUND THEN
    UPDATE login_failures f SET failures = f.failures - 1, blocked_until = now() WHERE f.account = the_account;
  END IF;
END $$;
