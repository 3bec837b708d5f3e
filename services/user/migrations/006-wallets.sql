-- Store credit in minor units. The ledger is the truth, a wallet row its running total:
--
--   available = sum(ledger_entries.available), held = sum(ledger_entries.held)
--
-- for each user and currency. The database keeps it so by construction, without ever summing up the ledger: a
-- wallet's row is born with zeros, only the trigger on the ledger can change it, and entries are never changed or
-- removed. What an order holds back is an entry as well: it moves credit from available to held, so that available
-- plus held changes only when credit is granted, spent or refunded.
CREATE TABLE wallets (
  user_id uuid NOT NULL REFERENCES users,
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  -- A grant is refused past 10^15 (grant_credit). Above that there is room for refunds, which must not fail: they
  -- give back what was granted once. 10^18 stays below 2^63.
  available bigint NOT NULL DEFAULT 0 CHECK (available BETWEEN 0 AND 1000000000000000000),
  held bigint NOT NULL DEFAULT 0 CHECK (held BETWEEN 0 AND 1000000000000000000),
  PRIMARY KEY (user_id, currency)
);

CREATE TABLE ledger_entries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id uuid NOT NULL,
  currency text NOT NULL,
  kind text NOT NULL,
  -- What the entry adds to each part of the balance.
  available bigint NOT NULL,
  held bigint NOT NULL,
  -- The branch that moved the credit; null for a grant.
  transaction_id uuid,
  branch_id text,
  -- The admin who granted it; null for a branch.
  granted_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT ledger_entries_shape CHECK (
    CASE kind
      WHEN 'grant' THEN available > 0 AND held = 0
      WHEN 'hold' THEN available < 0 AND held = -available
      WHEN 'confirm' THEN available = 0 AND held < 0
      WHEN 'cancel' THEN available > 0 AND held = -available
      WHEN 'charge' THEN available < 0 AND held = 0
      WHEN 'refund' THEN available > 0 AND held = 0
      WHEN 'undo' THEN available > 0 AND held = 0
      ELSE false
    END
  ),
  CONSTRAINT ledger_entries_reason CHECK (
    CASE kind
      WHEN 'grant' THEN granted_by IS NOT NULL AND transaction_id IS NULL AND branch_id IS NULL
      ELSE granted_by IS NULL AND transaction_id IS NOT NULL AND branch_id IS NOT NULL
    END
  )
);

CREATE FUNCTION apply_ledger_entries() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  missing bigint;
BEGIN
  WITH change AS (
    SELECT e.user_id, e.currency, sum(e.available)::bigint AS available, sum(e.held)::bigint AS held
      FROM entries e
      GROUP BY e.user_id, e.currency
  ), changed AS (
    UPDATE wallets w SET available = w.available + c.available, held = w.held + c.held
      FROM change c
      WHERE w.user_id = c.user_id AND w.currency = c.currency
      RETURNING w.user_id
  )
  SELECT (SELECT count(*) FROM change) - (SELECT count(*) FROM changed) INTO missing;
  IF missing > 0 THEN
    RAISE EXCEPTION 'a ledger entry has no wallet' USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;

-- Once for each statement: the entries of a batch cost one update.
CREATE TRIGGER apply_ledger_entries AFTER INSERT ON ledger_entries
  REFERENCING NEW TABLE AS entries
  FOR EACH STATEMENT EXECUTE FUNCTION apply_ledger_entries();

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is not allowed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER wallets_stay BEFORE DELETE OR TRUNCATE ON wallets
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER wallets_start_empty BEFORE INSERT ON wallets
  FOR EACH ROW WHEN (NEW.available <> 0 OR NEW.held <> 0) EXECUTE FUNCTION refuse_change();
-- A trigger's condition is evaluated at the depth of the statement that fires it: 0 for a statement of a client or a
-- function, 1 within apply_ledger_entries.
CREATE TRIGGER wallets_follow_ledger BEFORE UPDATE ON wallets
  FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();

-- Adds credit. Returns 'granted', 'unknown-user', or 'over-limit' when the whole balance would pass 10^15. The account's
-- row stays locked until the transaction ends, which keeps what is told of the account in the order of the commits.
CREATE FUNCTION grant_credit(beneficiary uuid, the_currency text, amount bigint, admin uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  balance bigint;
BEGIN
  PERFORM FROM users u WHERE u.id = beneficiary AND u.deleted_at IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN 'unknown-user'; END IF;
  INSERT INTO wallets (user_id, currency) VALUES (beneficiary, the_currency) ON CONFLICT DO NOTHING;
  SELECT w.available + w.held INTO balance FROM wallets w
    WHERE w.user_id = beneficiary AND w.currency = the_currency FOR NO KEY UPDATE;
  IF balance + amount > 1000000000000000 THEN RETURN 'over-limit'; END IF;
  INSERT INTO ledger_entries (user_id, currency, kind, available, held, granted_by)
    VALUES (beneficiary, the_currency, 'grant', amount, 0, admin);
  RETURN 'granted';
END $$;
