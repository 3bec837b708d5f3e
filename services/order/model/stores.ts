import type { Without } from '../../../platform/transaction/model/defences.ts';
import type { MemoryLog } from '../../../platform/transaction/model/memory-log.ts';
import type { Process } from '../../../platform/transaction/model/process.ts';
import { INTERRUPTED } from '../../../platform/transaction/outcome.ts';
import { advance, isFinal, type Order, type OrderState } from '../domain/order.ts';
import { USER_DELETED } from '../domain/rejection.ts';
import type { OrderStore } from '../store/order-store.ts';
import type { PlacementStore } from '../store/placement-store.ts';

interface Row {
  order: Order;
  /** As it was placed. */
  placed?: Order;
  deleted: boolean;
  /** Empty once an attempt failed for technical reasons. */
  request: string;
  readonly fingerprint: string;
  readonly transactionId: string;
  rejectSubject: string;
}

/** The orders' tables in memory, beside the log's: each function of a store is one commit, as its SQL is. */
export class OrderTables {
  readonly rows = new Map<string, Row>();
  /** Every version that there was. */
  readonly history: Order[] = [];
  readonly log: MemoryLog;
  readonly now: () => Date;

  constructor(log: MemoryLog, now: () => Date) {
    this.log = log;
    this.now = now;
  }

  of = (transactionId: string): Row | undefined =>
    this.rows.get(this.log.rows.get(transactionId)?.entityId ?? '');

  byRequest = (request: string): Row | undefined =>
    [...this.rows.values()].find((row) => row.request === request);

  /** As closing-store.ts has it: each open order is decided about. */
  closeOrders(userId: string, newId: () => string, without: Without): string[] {
    const { log } = this;
    const closed: string[] = [];
    for (const row of this.rows.values()) {
      const { id: entityId, state } = row.order;
      if (row.order.userId !== userId) continue;
      if (state === 'PLACED') {
        log.insert({ ...CANCEL, id: newId(), entityId }, 'COMMITTING', 0);
        closed.push(this.change(row, 'CANCELLED').id);
      } else if (state === 'PENDING' && !without.has('closing decides what is undecided')) {
        if (log.decide(row.transactionId, 'ROLLING_BACK', 0) === undefined) continue;
        closed.push(this.change(row, 'REJECTED', { rejectReason: USER_DELETED }).id);
      }
    }
    return closed;
  }

  change(row: Row, state: OrderState, changes: Partial<Order> = {}): Order {
    row.order = advance(row.order, state, this.now(), changes);
    this.history.push(row.order);
    return row.order;
  }
}

const CANCEL = { kind: 'cancel-order', input: null, traceparent: '' };
const keyOf = ({ userId, requestId }: { userId: string; requestId: string }) => `${userId}/${requestId}`;

/** The placements as a process reaches them. */
export function placementsOf(process: Process, tables: OrderTables, without: Without): PlacementStore {
  const { log } = tables;
  return {
    begin(placement) {
      const { orderId, transactionId, userId, lines, currency, total, fingerprint, traceparent } = placement;
      const createdAt = tables.now();
      const begin = () => {
        const taken = tables.byRequest(keyOf(placement)) !== undefined;
        if (taken && !without.has('one entity for each request')) return undefined;
        const order: Order = {
          ...{ id: orderId, userId, lines, currency, total, createdAt, updatedAt: createdAt },
          ...{ state: 'PENDING', rejectReason: '', version: 1n },
        };
        const request = keyOf(placement);
        const row = { order, deleted: false, request, fingerprint, transactionId, rejectSubject: '' };
        tables.rows.set(orderId, row);
        tables.history.push(order);
        log.insert({ id: transactionId, kind: 'create-order', entityId: orderId, input: null, traceparent });
        return createdAt;
      };
      return without.has('durable intent') ? process.writeBehind(createdAt, begin) : process.write(begin);
    },

    place({ transactionId }) {
      const place = () => {
        const row = tables.of(transactionId);
        if (row === undefined || log.decide(transactionId, 'COMMITTING') === undefined) return undefined;
        if (row.order.state !== 'PENDING') return undefined;
        row.placed = tables.change(row, 'PLACED');
        return row.placed.updatedAt;
      };
      return without.has('durable commit') ? process.writeBehind(tables.now(), place) : process.write(place);
    },

    reject({ id: transactionId }, { reason, subject }) {
      const reject = () => {
        const row = tables.of(transactionId);
        if (row === undefined || log.decide(transactionId, 'ROLLING_BACK') === undefined) return false;
        if (row.order.state !== 'PENDING') return false;
        tables.change(row, 'REJECTED', { rejectReason: reason });
        row.rejectSubject = subject;
        if (reason === INTERRUPTED) row.request = '';
        return true;
      };
      return without.has('durable rollback') ? process.writeBehind(true, reject) : process.write(reject);
    },

    find: (userId, requestId) =>
      process.write(() => {
        const row = tables.byRequest(keyOf({ userId, requestId }));
        if (row === undefined) return undefined;
        const { order, placed, fingerprint, transactionId, rejectSubject } = row;
        const transaction = log.rows.get(transactionId);
        const abandoned = transaction !== undefined && log.isLeftBehind(transaction);
        return { order, placed, fingerprint, transactionId, rejectSubject, abandoned };
      }),
  };
}

/** The orders as a process reaches them. */
export function ordersOf(process: Process, tables: OrderTables, without: Without): OrderStore {
  const { log, rows } = tables;
  return {
    get: (id) =>
      process.write(() => {
        const row = rows.get(id);
        return row && { order: row.order, deleted: row.deleted };
      }),

    replaceLines: ({ id: transactionId, entityId: orderId }, { version, basket: { lines, total } }) =>
      process.write(() => {
        const row = rows.get(orderId);
        if (row === undefined || log.rows.get(transactionId)?.state !== 'RUNNING') return undefined;
        const fits = row.order.state === 'PLACED' && row.order.version === version && !row.deleted;
        const blind = without.has('conditional pivot') && row.order.state === 'PLACED';
        log.decide(transactionId, fits || blind ? 'COMMITTING' : 'ROLLING_BACK');
        return fits || blind ? tables.change(row, 'PLACED', { lines, total }) : undefined;
      }),

    cancel: ({ id, entityId, traceparent }, { version }, hide) =>
      process.write(() => {
        const row = rows.get(entityId);
        if (row === undefined || row.order.state !== 'PLACED' || row.deleted) return undefined;
        if (row.order.version !== version && !without.has('conditional pivot')) return undefined;
        row.deleted = hide;
        log.insert({ id, kind: 'cancel-order', entityId, input: null, traceparent }, 'COMMITTING');
        return tables.change(row, 'CANCELLED');
      }),

    hide: (orderId) =>
      process.write(() => {
        const row = rows.get(orderId);
        if (row !== undefined && isFinal(row.order.state)) row.deleted = true;
      }),
  };
}
