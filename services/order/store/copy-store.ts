import type { Queryable, Transaction } from '../../../platform/db/database.ts';

/** What another service says of one of its things. */
export interface Copy {
  readonly id: string;
  /** Grows with each change. */
  readonly version: bigint;
  /** Undefined: it is gone, and so is the name. */
  readonly name: string | undefined;
}

/** Copies of one kind, kept within the transactions that events take effect in. */
export interface CopyStore {
  /** Puts in copies of different ids. Where there is a newer one already, that stays. */
  put(tx: Transaction, copies: readonly Copy[]): Promise<void>;
  /** Removes those of one partition. */
  reset(tx: Transaction, partition: number): Promise<void>;
}

/** Of people. */
export const userCopies = createCopyStore((sql) => sql`user_copies`);

/** Of products. */
export const productCopies = createCopyStore((sql) => sql`product_copies`);

function createCopyStore(table: (sql: Queryable) => ReturnType<Queryable>): CopyStore {
  return {
    async put(tx, copies) {
      if (copies.length === 0) return;
      await tx`
        insert into ${table(tx)} as known (id, version, name)
        select id, version, name
        from unnest(
          ${copies.map(({ id }) => id)}::uuid[], ${copies.map(({ version }) => String(version))}::bigint[],
          ${copies.map(({ name }) => name ?? null)}::text[]
        ) as given (id, version, name)
        order by id
        on conflict (id) do update set version = excluded.version, name = excluded.name
          where known.version < excluded.version`;
    },

    async reset(tx, partition) {
      await tx`delete from ${table(tx)} where event_partition(id) = ${partition}`;
    },
  };
}
