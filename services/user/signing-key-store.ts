import type { Queryable, Sql } from '../../platform/db/database.ts';

/** A key as it is stored. */
export interface SigningKeyRow {
  readonly id: string;
  /** JSON Web Key. */
  readonly publicKey: string;
  /** JSON Web Key in UTF-8, possibly sealed. */
  readonly privateKey: Buffer;
  readonly sealed: boolean;
  readonly signsFrom: Date;
  readonly signsUntil: Date;
}

/** A key to be stored. */
export type NewSigningKey = Omit<SigningKeyRow, 'signsFrom' | 'signsUntil'>;

/** All keys, the one that signs last first. */
export async function readSigningKeys(sql: Sql): Promise<SigningKeyRow[]> {
  return sql<SigningKeyRow[]>`
    SELECT id, public_key AS "publicKey", private_key AS "privateKey", sealed,
      signs_from AS "signsFrom", signs_until AS "signsUntil"
    FROM signing_keys ORDER BY signs_from DESC`;
}

/**
 * Sees to it that there is a key for the whole of the next `leadS` seconds: if not, stores the one that `make` makes,
 * to sign for `rotationS` seconds from the end of the last. Replicas take turns by an advisory lock, so one is made.
 * Returns whether it was made here.
 */
export async function ensureSigningKey(
  sql: Sql,
  { leadS, rotationS }: { readonly leadS: number; readonly rotationS: number },
  make: () => Promise<NewSigningKey>,
): Promise<boolean> {
  const missing = (db: Queryable) => db<{ signsFrom: Date; missing: boolean }[]>`
    SELECT greatest(now(), max(signs_until)) AS "signsFrom",
      coalesce(max(signs_until) <= now() + ${leadS}::float8 * interval '1 s', true) AS missing
    FROM signing_keys`;
  const [glance] = await missing(sql);
  if (!glance?.missing) return false;
  return sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(hashtextextended('user: signing keys', 0))`;
    const [row] = await missing(tx);
    if (!row?.missing) return false;
    const key = await make();
    await tx`
      INSERT INTO signing_keys (id, public_key, private_key, sealed, signs_from, signs_until)
      VALUES (
        ${key.id}, ${key.publicKey}, ${key.privateKey}, ${key.sealed},
        ${row.signsFrom}, ${row.signsFrom}::timestamptz + ${rotationS}::float8 * interval '1 s'
      )`;
    return true;
  });
}

/** Deletes the keys that stopped signing `keepS` seconds ago. */
export async function deleteSpentKeys(sql: Sql, keepS: number): Promise<void> {
  await sql`DELETE FROM signing_keys WHERE signs_until < now() - ${keepS}::float8 * interval '1 s'`;
}
