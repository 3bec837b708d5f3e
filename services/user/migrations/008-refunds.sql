-- The Saga's compensation. A branch gives an amount (to whom the account belonged, even when it is deleted: the money
-- must not be lost), or undoes a charge of its transaction; then its user, currency and amount are null. A step that
-- is seldom taken, so it goes through the branches one by one, each finding what those before it left.
CREATE FUNCTION refund_credit(
  transactions uuid[], names text[], users uuid[], currencies text[], amounts bigint[], undone text[]
) RETURNS SETOF text
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET cpu_tuple_cost = 1 AS $$
DECLARE
  wanted record;
  known branches;
  charged branches;
BEGIN
  -- A place for each name that the call may write, taken in one ordered pass; what stays NEW is removed at the end.
  INSERT INTO branches (transaction_id, branch_id, kind, state)
    SELECT transaction_id, branch_id, 'refund', 'NEW' FROM unnest(transactions, names) AS b (transaction_id, branch_id)
    UNION
    SELECT transaction_id, undoes, 'refund', 'NEW' FROM unnest(transactions, undone) AS b (transaction_id, undoes)
      WHERE undoes IS NOT NULL
    ORDER BY transaction_id, branch_id
    ON CONFLICT DO NOTHING;
  PERFORM lock_branches(transactions || transactions, names || undone);
  INSERT INTO wallets (user_id, currency)
    SELECT DISTINCT u.id, given.currency
      FROM unnest(users, currencies, amounts) AS given (user_id, currency, amount) JOIN users u ON u.id = given.user_id
      WHERE given.amount > 0
      ORDER BY 1, 2
    ON CONFLICT DO NOTHING;
  PERFORM FROM wallets w
    WHERE (w.user_id, w.currency) IN (
      SELECT * FROM unnest(users, currencies)
      UNION ALL
      SELECT b.user_id, b.currency FROM branches b
        WHERE (b.transaction_id, b.branch_id) IN (SELECT * FROM unnest(transactions, undone))
    )
    ORDER BY w.user_id, w.currency
    FOR NO KEY UPDATE;

  FOR wanted IN
    SELECT b.*, u.id IS NOT NULL AS has_user
      FROM unnest(transactions, names, users, currencies, amounts, undone)
        WITH ORDINALITY AS b (transaction_id, branch_id, user_id, currency, amount, undoes, position)
      LEFT JOIN users u ON u.id = b.user_id
      ORDER BY b.position
  LOOP
    SELECT * INTO STRICT known FROM branches b
      WHERE b.transaction_id = wanted.transaction_id AND b.branch_id = wanted.branch_id;
    IF known.state <> 'NEW' THEN
      RETURN NEXT CASE
        WHEN known.kind <> 'refund' OR (known.user_id, known.currency, known.amount, known.undoes) IS DISTINCT FROM
          (wanted.user_id, wanted.currency, wanted.amount, wanted.undoes) THEN 'BRANCH_MISMATCH'
        WHEN known.state = 'REFUSED' THEN known.refusal
        ELSE ''
      END;
      CONTINUE;
    END IF;

    IF wanted.undoes IS NULL THEN
      UPDATE branches b SET
        state = CASE WHEN wanted.has_user THEN 'GIVEN' ELSE 'REFUSED' END,
        refusal = CASE WHEN NOT wanted.has_user THEN 'WALLET_NOT_FOUND' END,
        user_id = wanted.user_id, currency = wanted.currency, amount = wanted.amount
        WHERE b.transaction_id = wanted.transaction_id AND b.branch_id = wanted.branch_id;
      IF NOT wanted.has_user THEN
        RETURN NEXT 'WALLET_NOT_FOUND';
        CONTINUE;
      END IF;
      IF wanted.amount > 0 THEN
        INSERT INTO ledger_entries (user_id, currency, kind, available, held, transaction_id, branch_id)
          VALUES (
            wanted.user_id, wanted.currency, 'refund', wanted.amount, 0, wanted.transaction_id, wanted.branch_id
          );
      END IF;
      RETURN NEXT '';
      CONTINUE;
    END IF;

    SELECT * INTO STRICT charged FROM branches b
      WHERE b.transaction_id = wanted.transaction_id AND b.branch_id = wanted.undoes;
    -- A hold, a refund, or the branch itself can't be undone.
    IF charged.kind <> 'charge' AND (charged.state <> 'NEW' OR wanted.undoes = wanted.branch_id) THEN
      RETURN NEXT 'BRANCH_MISMATCH';
      CONTINUE;
    END IF;
    UPDATE branches b SET kind = 'charge', state = 'UNDONE'
      WHERE b.transaction_id = wanted.transaction_id AND b.branch_id = wanted.undoes;
    UPDATE branches b SET state = 'GIVEN', undoes = wanted.undoes
      WHERE b.transaction_id = wanted.transaction_id AND b.branch_id = wanted.branch_id;
    IF charged.state = 'TAKEN' AND charged.amount > 0 THEN
      INSERT INTO ledger_entries (user_id, currency, kind, available, held, transaction_id, branch_id)
        VALUES (
          charged.user_id, charged.currency, 'undo', charged.amount, 0, wanted.transaction_id, wanted.branch_id
        );
    END IF;
    RETURN NEXT '';
  END LOOP;

  DELETE FROM branches b
    WHERE b.state = 'NEW'
      AND (b.transaction_id, b.branch_id) IN (
        SELECT * FROM unnest(transactions || transactions, names || undone)
      );
END $$;
