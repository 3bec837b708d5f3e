import {
  isFinal,
  LEASE_SECONDS,
  MAX_PAUSE_SECONDS,
  type NewTransaction,
  type OpenTransaction,
  type Progress,
  type TransactionLog,
  type TransactionState,
} from '../log.ts';
import type { Clock } from '../runtime.ts';
import type { Without } from './defences.ts';
import type { Process } from './process.ts';

interface Row extends NewTransaction {
  readonly since: number;
  state: TransactionState;
  attempts: number;
  leaseUntil: number;
  epoch: number;
}

const LEASE_MS = LEASE_SECONDS * 1_000;
const isOpen = ({ state }: Row): boolean => !isFinal(state);

/** The log's table in memory: each method is one commit, as each statement of sql-log.ts is. */
export class MemoryLog {
  readonly rows = new Map<string, Row>();
  /** What an overtaken process did to its successor's lease. */
  readonly wrongs: string[] = [];
  readonly #clock: Pick<Clock, 'now'>;
  readonly #without: Without;

  constructor(clock: Pick<Clock, 'now'>, without: Without) {
    this.#clock = clock;
    this.#without = without;
  }

  get open(): Row[] {
    return [...this.rows.values()].filter(isOpen);
  }

  insert(transaction: NewTransaction, state: TransactionState = 'RUNNING', leaseMs = LEASE_MS): void {
    const now = this.#clock.now();
    const row = { ...transaction, since: now, state, attempts: 0, leaseUntil: now + leaseMs, epoch: 0 };
    this.rows.set(transaction.id, row);
  }

  /** A decision about a RUNNING transaction. Undefined: it was decided before. */
  decide(id: string, state: 'COMMITTING' | 'ROLLING_BACK', leaseMs = LEASE_MS): Row | undefined {
    const row = this.rows.get(id);
    if (row === undefined || (row.state !== 'RUNNING' && !this.#without.has('one decision')))
      return undefined;
    row.state = state;
    row.leaseUntil = this.#clock.now() + leaseMs;
    return row;
  }

  progress({ id, epoch, done, attempts }: Progress): boolean {
    const row = this.rows.get(id);
    const overtaken = row?.epoch !== epoch && !this.#without.has('epoch');
    const through = done || this.#without.has('retry after decision');
    if (row === undefined || !isOpen(row) || (!through && overtaken)) return false;
    if (through && row.state !== 'RUNNING')
      row.state = row.state === 'COMMITTING' ? 'COMMITTED' : 'ROLLED_BACK';
    else if (!through && row.epoch !== epoch) this.wrongs.push('one who was overtaken moved the lease');
    row.attempts += attempts;
    row.leaseUntil = this.#clock.now() + Math.min(MAX_PAUSE_SECONDS, row.attempts) * 1_000;
    return !isOpen(row);
  }

  claim(limit: number, which: (row: Row) => boolean): OpenTransaction[] {
    const rows = this.open.filter((row) => which(row)).sort((a, b) => (a.id < b.id ? -1 : 1));
    return rows.slice(0, limit).map((row) => {
      row.leaseUntil = this.#clock.now() + LEASE_MS;
      row.epoch++;
      const { id, kind, entityId, input, traceparent, epoch, since } = row;
      const ageMs = this.#clock.now() - since;
      const state = row.state as OpenTransaction['state'];
      return { id, kind, entityId, input, traceparent, epoch, ageMs, state };
    });
  }

  isLeftBehind = (row: Row): boolean => row.leaseUntil < this.#clock.now() || this.#without.has('lease');

  findCommitting(kind: string, entityId: string): string | undefined {
    return this.open.find(
      (row) => row.kind === kind && row.entityId === entityId && row.state === 'COMMITTING',
    )?.id;
  }
}

/** The log as a process reaches it. */
export function logOf(process: Process, table: MemoryLog, without: Without): TransactionLog {
  return {
    start(transaction) {
      const insert = () => table.insert(transaction);
      return without.has('durable intent') ? process.writeBehind(undefined, insert) : process.write(insert);
    },
    rollBack(id) {
      const decide = () => table.decide(id, 'ROLLING_BACK') !== undefined;
      return without.has('durable rollback') ? process.writeBehind(true, decide) : process.write(decide);
    },
    progress: (progress) => process.write(() => table.progress(progress)),
    claim: (limit, entityId) =>
      process.write(() =>
        table.claim(
          limit,
          (row) => table.isLeftBehind(row) && (entityId === undefined || row.entityId === entityId),
        ),
      ),
    claimOne: (id, decided = false) =>
      process.write(
        () =>
          table.claim(
            1,
            (row) => row.id === id && (table.isLeftBehind(row) || (decided && row.state !== 'RUNNING')),
          )[0],
      ),
    findCommitting: (kind, entityId) => process.write(() => table.findCommitting(kind, entityId)),
  };
}
