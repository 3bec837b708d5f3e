-- Whatever may take an admin away holds this lock, so that two admins who demote or delete each other at the same
-- time can't leave the shop without one.
CREATE FUNCTION lock_admin_roster() RETURNS void
LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(hashtextextended('user: admin roster', 0)) $$;

CREATE FUNCTION is_last_admin(candidate uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM users WHERE id = candidate AND role = 'admin' AND deleted_at IS NULL)
    AND NOT EXISTS (SELECT FROM users WHERE id <> candidate AND role = 'admin' AND deleted_at IS NULL)
$$;

-- Erases the person and keeps the id. The outcome is 'deleted' (with the account's version after it),
-- 'deleted-before', 'unknown', or 'last-admin'. The account's row stays locked until the transaction ends.
--
-- The statements are separate for their snapshots: a login that commits while this waits for the account's row has
-- its session deleted too.
CREATE FUNCTION delete_user(target uuid, OUT outcome text, OUT last_version bigint)
LANGUAGE plpgsql AS $$
DECLARE
  account users;
BEGIN
  PERFORM lock_admin_roster();
  SELECT * INTO account FROM users u WHERE u.id = target FOR UPDATE;
  outcome := CASE
    WHEN NOT FOUND THEN 'unknown'
    WHEN account.deleted_at IS NOT NULL THEN 'deleted-before'
    WHEN is_last_admin(target) THEN 'last-admin'
    ELSE 'deleted'
  END;
  IF outcome <> 'deleted' THEN RETURN; END IF;

  UPDATE users u SET
    email = NULL, display_name = NULL, password_hash = NULL,
    version = u.version + 1, updated_at = now(), deleted_at = now()
    WHERE u.id = target
    RETURNING u.version INTO last_version;
  DELETE FROM sessions s WHERE s.user_id = target;
  DELETE FROM login_failures f WHERE f.account = sha256(convert_to(account.email, 'UTF8'));
  -- The row stays, so that a late repeat of the registration doesn't make the account anew; what is left in it
  -- of the person (a hash of address and name) goes.
  UPDATE requests r SET fingerprint = '' WHERE r.scope = 'register' AND r.response = uuid_send(target);
END $$;

-- Sets a new password, where the one that was verified still is the current one, and ends the other sessions.
-- Returns whether it did. A login with the old password that is under way either has its session ended here, or finds
-- another password_version.
CREATE FUNCTION change_password(target uuid, verified_version integer, new_hash text, kept_session uuid)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  address text;
BEGIN
  UPDATE users u SET password_hash = new_hash, password_version = u.password_version + 1
    WHERE u.id = target AND u.password_version = verified_version AND u.deleted_at IS NULL
    RETURNING u.email INTO address;
  IF NOT FOUND THEN RETURN false; END IF;
  DELETE FROM sessions s WHERE s.user_id = target AND s.id <> kept_session;
  DELETE FROM login_failures f WHERE f.account = sha256(convert_to(address, 'UTF8'));
  RETURN true;
END $$;
