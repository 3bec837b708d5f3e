import type { Barrier } from '../../../platform/transaction/model/barrier.ts';
import { INTERRUPTED } from '../../../platform/transaction/outcome.ts';
import type { Order } from '../domain/order.ts';
import type { Notes } from './customers.ts';
import { isCalm, type Scenario } from './scenario.ts';
import type { World } from './world.ts';

/** What must not be, once the world is at rest. Empty: all is well. */
export function violations(world: World, notes: Notes, scenario: Scenario): string[] {
  const { tables, stock, wallets, log } = world;
  const orders = [...tables.rows.values()].map(({ order }) => order);
  const placed = orders.filter(({ state }) => state === 'PLACED');
  const found = [...stock.wrongs, ...wallets.wrongs, ...log.wrongs];

  for (const { id, kind, state } of log.open) found.push(`${kind} ${id} stays ${state}`);
  for (const { id, state } of orders) if (state === 'PENDING') found.push(`order ${id} stays PENDING`);
  for (const { id, userId } of placed)
    if (notes.departed.has(userId)) found.push(`order ${id} stays PLACED, and ${userId} is gone`);

  const sold = (product: string) =>
    placed
      .flatMap(({ lines }) => lines)
      .reduce((n, l) => n + (l.productId === product ? BigInt(l.quantity) : 0n), 0n);
  const spent = (userId: string) =>
    placed.reduce((sum, order) => sum + (order.userId === userId ? order.total : 0n), 0n);
  found.push(...balance('stock', stock, sold), ...balance('wallet', wallets, spent));

  const byRequest = new Map<string, Set<string>>();
  for (const { state, id, userId } of tables.history)
    if (state === 'PLACED') byRequest.set(userId, (byRequest.get(userId) ?? new Set()).add(id));
  for (const [userId, ids] of byRequest)
    if (ids.size > 1) found.push(`the one request of ${userId} placed ${ids.size} orders`);

  for (const reply of notes.replies) found.push(...contradictions(reply, world, notes));

  if (isCalm(scenario))
    for (const { id, rejectReason } of orders)
      if (rejectReason === INTERRUPTED) found.push(`order ${id} was interrupted, though nothing went wrong`);
  return found;
}

function balance(name: string, barrier: Barrier, expected: (key: string) => bigint): string[] {
  const found: string[] = [];
  for (const [key, { available, held, used }] of barrier.holdings) {
    const entries = barrier.ledger.filter((entry) => entry.key === key).map(({ amount }) => amount);
    const sum = entries.reduce((total, amount) => total + amount, 0n);
    if (available + held + used !== entries[0]) found.push(`${name} ${key}: the sum is not what was put in`);
    if (sum !== available) found.push(`${name} ${key}: the ledger sums to ${sum}, not to ${available}`);
    if (held !== 0n) found.push(`${name} ${key}: ${held} outlive their decision as held`);
    if (used !== expected(key)) found.push(`${name} ${key}: ${used} used, ${expected(key)} ordered`);
  }
  return found;
}

function contradictions(reply: Notes['replies'][number], world: World, notes: Notes): string[] {
  const { tables } = world;
  if (reply.kind === 'refused') {
    const placed = tables.history.some(({ userId, state }) => userId === reply.userId && state === 'PLACED');
    return placed ? [`${reply.userId} was told ${reply.reason}, and the order is placed`] : [];
  }
  if (reply.kind === 'deleted') {
    const row = tables.rows.get(reply.orderId);
    return row?.deleted && row.order.state === 'CANCELLED'
      ? []
      : [`order ${reply.orderId} was said to be deleted`];
  }
  const { order } = reply;
  const now = tables.rows.get(order.id)?.order;
  const found: string[] = [];
  if (!tables.history.some((version) => sameVersion(version, order)))
    found.push(`version ${order.version} of order ${order.id} never was as it was told`);
  const mayEnd = notes.cancels.has(order.id) || notes.departed.has(order.userId);
  if (now?.state !== 'PLACED' && !(now?.state === 'CANCELLED' && mayEnd))
    found.push(`order ${order.id} was told to be ${order.state}, and is ${now?.state}`);
  if (reply.kind === 'cancelled' && now?.state !== 'CANCELLED')
    found.push(`order ${order.id} was told to be cancelled, and is ${now?.state}`);
  return found;
}

const sameVersion = (a: Order, b: Order): boolean =>
  a.id === b.id && a.version === b.version && a.state === b.state && a.total === b.total;
