import type { Sql } from '../db/database.ts';
import { isFinal, type TransactionRecord, type TransactionState } from './log.ts';

/** Which transactions to list. */
export interface TransactionFilter {
  readonly entityId?: string;
  readonly states: readonly TransactionState[];
  /** Only those before this id. */
  readonly before?: string;
  readonly limit: number;
}

/** Open transactions of one kind in one state. */
export interface InFlight {
  readonly kind: string;
  readonly state: TransactionState;
  readonly count: number;
  /** Of the oldest, in seconds. */
  readonly age: number;
}

/** The log as operators read it. */
export interface TransactionRecords {
  get(id: string): Promise<TransactionRecord | undefined>;
  /** Newest first. */
  list(filter: TransactionFilter): Promise<TransactionRecord[]>;
  /** What is open now. It reads no more rows than that. */
  inFlight(): Promise<InFlight[]>;
}

/** The records in the table of transactions.sql. */
export function createSqlRecords(sql: Sql): TransactionRecords {
  const record = sql`
    id, kind, entity_id as "entityId", state, attempts, last_error as "lastError", created_at as "createdAt",
    updated_at as "updatedAt"`;
  return {
    async get(id) {
      const [row] = await sql<TransactionRecord[]>`select ${record} from transactions where id = ${id}`;
      return row;
    },

    async list({ entityId, states, before, limit }) {
      // States that are all open are few, and have an index.
      const open = states.length > 0 && !states.some(isFinal);
      return sql<TransactionRecord[]>`
        select ${record} from transactions
        where true
          ${entityId === undefined ? sql`` : sql`and entity_id = ${entityId}`}
          ${states.length === 0 ? sql`` : sql`and state = any (${states as TransactionState[]})`}
          ${open ? sql`and open` : sql``}
          ${before === undefined ? sql`` : sql`and id < ${before}`}
        order by id desc limit ${limit}`;
    },

    async inFlight() {
      return sql<InFlight[]>`
        select kind, state, count(*)::integer as count,
          extract(epoch from now() - min(created_at))::double precision as age
        from transactions where open group by kind, state`;
    },
  };
}
