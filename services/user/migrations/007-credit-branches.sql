-- The barrier: one row for each branch of a distributed transaction that this participant has seen, so that a repeated
-- call answers as the first did and takes effect once.
--
-- kind and state:
--   hold    HELD | REFUSED, then CONFIRMED or CANCELLED (a mark without a body when the cancel came before its hold)
--   charge  TAKEN | REFUSED, then UNDONE (a mark without a body when the undo came before its charge)
--   refund  GIVEN | REFUSED; NEW only inside the transaction that inserts the row
CREATE TABLE branches (
  transaction_id uuid NOT NULL,
  branch_id text NOT NULL,
  kind text NOT NULL,
  state text NOT NULL,
  -- The body. Whose credit, and how much.
  user_id uuid,
  currency text,
  amount bigint CHECK (amount >= 0),
  -- The body of a refund that undoes a charge of the same transaction: its branch_id.
  undoes text,
  -- Why it was REFUSED.
  refusal text,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Since when a HELD branch waits for its coordinator (platform/participant/branch-store.ts).
  waiting_since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (transaction_id, branch_id),
  CONSTRAINT branches_state CHECK (
    CASE kind
      WHEN 'hold' THEN state IN ('HELD', 'REFUSED', 'CONFIRMED', 'CANCELLED')
      WHEN 'charge' THEN state IN ('TAKEN', 'REFUSED', 'UNDONE')
      WHEN 'refund' THEN state IN ('NEW', 'GIVEN', 'REFUSED')
      ELSE false
    END
  ),
  CONSTRAINT branches_refusal CHECK (state <> 'REFUSED' OR refusal IS NOT NULL),
  CONSTRAINT branches_body CHECK (state IN ('NEW', 'CANCELLED', 'UNDONE') OR undoes IS NOT NULL OR amount IS NOT NULL)
);

-- Written so that it is of use to the search for hanging ones alone: to the functions below, which read by name,
-- `state = 'HELD'` would in a new database look like the better index.
CREATE INDEX branches_hanging ON branches (waiting_since) WHERE (CASE state WHEN 'HELD' THEN true END);

-- The functions below, and refund_credit, return one text for each branch of the call, in its order: '' when it is
-- done, else the reason: BRANCH_… for a conflict, any other for a refusal.
--
-- All of them take their locks in the same order: first the branches by name (those that they insert, then those that
-- were there), then the wallets by user and currency. So batches that overlap in any way take turns and don't
-- deadlock. What they write they write for the whole batch at once, which takes a third of the time that a statement
-- for each branch takes.
--
-- Their plans are generic: the planner would else plan each statement anew in each call, because it knows the arrays'
-- lengths, and find the same plan. And none may scan a whole table or index: in a new database the tables look small, a
-- plan made then may live as long as its connection, and they grow. Hence enable_seqscan, and a cost of a row that
-- makes reading few of them win. The functions that these call have the settings of their callers.

-- Returns the names that it locked.
CREATE FUNCTION lock_branches(
  transactions uuid[], names text[], OUT locked_transactions uuid[], OUT locked_names text[]
)
LANGUAGE plpgsql AS $$
BEGIN
  SELECT coalesce(array_agg(locked.transaction_id), '{}'), coalesce(array_agg(locked.branch_id), '{}')
    INTO locked_transactions, locked_names
    FROM (
      SELECT b.transaction_id, b.branch_id FROM branches b
        WHERE (b.transaction_id, b.branch_id) IN (SELECT * FROM unnest(transactions, names))
        ORDER BY b.transaction_id, b.branch_id
        FOR NO KEY UPDATE
    ) locked;
END $$;

CREATE FUNCTION lock_wallets_of_branches(transactions uuid[], names text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM wallets w
    WHERE (w.user_id, w.currency) IN (
      SELECT b.user_id, b.currency FROM branches b
        WHERE (b.transaction_id, b.branch_id) IN (SELECT * FROM unnest(transactions, names))
    )
    ORDER BY w.user_id, w.currency
    FOR NO KEY UPDATE;
END $$;

-- TCC's try (kind 'hold') and the Saga's step (kind 'charge'). A branch is inserted as what it becomes if the credit
-- suffices, which spares the usual case a second write.
CREATE FUNCTION take_credit(
  the_kind text, transactions uuid[], names text[], users uuid[], currencies text[], amounts bigint[]
) RETURNS SETOF text
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET cpu_tuple_cost = 1 AS $$
DECLARE
  taken text := CASE the_kind WHEN 'hold' THEN 'HELD' ELSE 'TAKEN' END;
  -- Positions in the call, from 1, of the branches that were not known before.
  fresh bigint[];
  -- Of the call's wallets those that are there, and so are locked; user and currency in one.
  wallets_locked text[];
  wanted record;
  -- By the wallet's number within the call: what is left of it.
  credit bigint[] := '{}';
  -- By position. Null stays where the row was cleaned up since.
  reasons text[] := array_fill(NULL::text, ARRAY[cardinality(names)]);
  reason text;
BEGIN
  WITH given AS MATERIALIZED (
    SELECT DISTINCT ON (transaction_id, branch_id) *
      FROM unnest(transactions, names, users, currencies, amounts)
        WITH ORDINALITY AS b (transaction_id, branch_id, user_id, currency, amount, position)
      ORDER BY transaction_id, branch_id, position
  ), inserted AS (
    INSERT INTO branches (transaction_id, branch_id, kind, state, user_id, currency, amount)
      SELECT transaction_id, branch_id, the_kind, taken, user_id, currency, amount FROM given
        ORDER BY transaction_id, branch_id
      ON CONFLICT DO NOTHING
      RETURNING transaction_id, branch_id
  )
  SELECT coalesce(array_agg(position), '{}') INTO fresh FROM given JOIN inserted USING (transaction_id, branch_id);

  IF cardinality(fresh) < cardinality(names) THEN
    PERFORM lock_branches(transactions, names);
  END IF;
  SELECT coalesce(array_agg(locked.user_id || locked.currency), '{}') INTO wallets_locked
    FROM (
      SELECT w.user_id, w.currency FROM wallets w
        WHERE (w.user_id, w.currency) IN (SELECT * FROM unnest(users, currencies))
        ORDER BY w.user_id, w.currency
        FOR NO KEY UPDATE
    ) locked;

  FOR wanted IN
    SELECT
        given.position, given.amount, given.position = ANY (fresh) AS is_fresh,
        -- A branch that is in the call twice gets the answer of its first occurrence.
        min(given.position) OVER (PARTITION BY given.transaction_id, given.branch_id) AS first_position,
        (given.user_id, given.currency, given.amount) = (known.user_id, known.currency, known.amount) AS same_body,
        known.kind, known.state, known.refusal,
        -- Not a condition of the join, which would let an index that is not by id look as good as the primary key.
        u.id IS NOT NULL AND u.deleted_at IS NULL AS has_user,
        coalesce(w.available, 0) AS available,
        dense_rank() OVER (ORDER BY given.user_id, given.currency)::integer AS wallet
      FROM unnest(transactions, names, users, currencies, amounts)
        WITH ORDINALITY AS given (transaction_id, branch_id, user_id, currency, amount, position)
      JOIN branches known ON known.transaction_id = given.transaction_id AND known.branch_id = given.branch_id
      LEFT JOIN users u ON u.id = given.user_id
      -- A first grant may have made a wallet since, which isn't locked: to this call it comes too late.
      LEFT JOIN wallets w ON w.user_id = given.user_id AND w.currency = given.currency
        AND w.user_id || w.currency = ANY (wallets_locked)
      ORDER BY given.position
  LOOP
    IF wanted.is_fresh THEN
      IF credit[wanted.wallet] IS NULL THEN
        credit[wanted.wallet] := wanted.available;
      END IF;
      IF NOT wanted.has_user THEN
        reason := 'WALLET_NOT_FOUND';
      ELSIF wanted.amount > credit[wanted.wallet] THEN
        reason := 'INSUFFICIENT_CREDIT';
      ELSE
        reason := '';
        credit[wanted.wallet] := credit[wanted.wallet] - wanted.amount;
      END IF;
    ELSE
      reason := CASE
        WHEN wanted.kind <> the_kind THEN 'BRANCH_MISMATCH'
        WHEN wanted.state IN ('CANCELLED', 'UNDONE') THEN 'BRANCH_CANCELLED'
        WHEN wanted.same_body IS NOT TRUE THEN 'BRANCH_MISMATCH'
        WHEN wanted.first_position = ANY (fresh) THEN reasons[wanted.first_position]
        WHEN wanted.state = 'REFUSED' THEN wanted.refusal
        ELSE ''
      END;
    END IF;
    reasons[wanted.position] := reason;
  END LOOP;

  INSERT INTO ledger_entries (user_id, currency, kind, available, held, transaction_id, branch_id)
    SELECT
        user_id, currency, the_kind, -amount, CASE the_kind WHEN 'hold' THEN amount ELSE 0 END,
        transaction_id, branch_id
      FROM unnest(transactions, names, users, currencies, amounts, reasons)
        WITH ORDINALITY AS b (transaction_id, branch_id, user_id, currency, amount, reason, position)
      WHERE b.position = ANY (fresh) AND b.reason = '' AND amount > 0;
  UPDATE branches b SET state = 'REFUSED', refusal = r.reason
    FROM unnest(transactions, names, reasons)
      WITH ORDINALITY AS r (transaction_id, branch_id, reason, position)
    WHERE r.position = ANY (fresh) AND r.reason <> ''
      AND b.transaction_id = r.transaction_id AND b.branch_id = r.branch_id;
  RETURN QUERY SELECT unnest(reasons);
END $$;

-- TCC's confirm: what was held is spent.
CREATE FUNCTION confirm_holds(transactions uuid[], names text[]) RETURNS SETOF text
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET cpu_tuple_cost = 1 AS $$
DECLARE
  locked record;
BEGIN
  SELECT * INTO locked FROM lock_branches(transactions, names);
  PERFORM lock_wallets_of_branches(locked.locked_transactions, locked.locked_names);
  -- No more than was locked: a hold may have been committed since, and waiting for it now, out of order, can deadlock.
  -- Its confirm came too early, and is answered so.
  WITH confirmed AS (
    UPDATE branches b SET state = 'CONFIRMED'
      WHERE (b.transaction_id, b.branch_id)
          IN (SELECT * FROM unnest(locked.locked_transactions, locked.locked_names))
        AND b.kind = 'hold' AND b.state = 'HELD'
      RETURNING b.*
  )
  INSERT INTO ledger_entries (user_id, currency, kind, available, held, transaction_id, branch_id)
    SELECT user_id, currency, 'confirm', 0, -amount, transaction_id, branch_id FROM confirmed WHERE amount > 0;
  RETURN QUERY
    SELECT CASE
        WHEN b.kind <> 'hold' THEN 'BRANCH_MISMATCH'
        WHEN b.state = 'CONFIRMED' THEN ''
        WHEN b.state = 'CANCELLED' THEN 'BRANCH_CANCELLED'
        -- A refused hold has nothing to confirm, no more than one that never came.
        ELSE 'BRANCH_UNKNOWN'
      END
      FROM unnest(transactions, names) WITH ORDINALITY AS given (transaction_id, branch_id, position)
      LEFT JOIN branches b ON b.transaction_id = given.transaction_id AND b.branch_id = given.branch_id
      ORDER BY given.position;
END $$;

-- TCC's cancel: what was held is available again. Before its hold, it leaves a mark that makes the late hold a
-- conflict.
CREATE FUNCTION cancel_holds(transactions uuid[], names text[]) RETURNS SETOF text
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET cpu_tuple_cost = 1 AS $$
BEGIN
  INSERT INTO branches (transaction_id, branch_id, kind, state)
    SELECT DISTINCT transaction_id, branch_id, 'hold', 'CANCELLED'
      FROM unnest(transactions, names) AS given (transaction_id, branch_id)
      ORDER BY transaction_id, branch_id
    ON CONFLICT DO NOTHING;
  PERFORM lock_branches(transactions, names);
  PERFORM lock_wallets_of_branches(transactions, names);
  INSERT INTO ledger_entries (user_id, currency, kind, available, held, transaction_id, branch_id)
    SELECT user_id, currency, 'cancel', amount, -amount, transaction_id, branch_id FROM branches b
      WHERE (b.transaction_id, b.branch_id) IN (SELECT * FROM unnest(transactions, names))
        AND b.kind = 'hold' AND b.state = 'HELD' AND b.amount > 0;
  UPDATE branches b SET state = 'CANCELLED'
    WHERE (b.transaction_id, b.branch_id) IN (SELECT * FROM unnest(transactions, names))
      AND b.kind = 'hold' AND b.state IN ('HELD', 'REFUSED');
  RETURN QUERY
    SELECT CASE
        WHEN b.kind <> 'hold' THEN 'BRANCH_MISMATCH'
        WHEN b.state = 'CONFIRMED' THEN 'BRANCH_CONFIRMED'
        ELSE ''
      END
      FROM unnest(transactions, names) WITH ORDINALITY AS given (transaction_id, branch_id, position)
      JOIN branches b ON b.transaction_id = given.transaction_id AND b.branch_id = given.branch_id
      ORDER BY given.position;
END $$;
