import { randomUUID } from 'node:crypto';
import { BranchStatus } from '@souk/contracts/shop/transaction/v1/branch_pb.js';
import { afterAll, expect } from 'vitest';
import { startService, type TestService } from './test-service.ts';

/** A branch's name. Its id is "wallet" unless told. */
export const branch = (transactionId: string = randomUUID(), branchId = 'wallet') => ({
  transactionId,
  branchId,
});
/** A branch with an amount. */
export const take = (userId: string, amount: bigint, name = branch(), currencyCode = 'EUR') => ({
  branch: name,
  userId,
  amount: { currencyCode, minorUnits: amount },
});
/** A branch that undoes a charge. */
export const undo = (transactionId: string, branchId = 'undo', undoes = 'wallet') => ({
  branch: branch(transactionId, branchId),
  undoes,
});

export const MISMATCH = 'CONFLICT BRANCH_MISMATCH';
export const CANCELLED = 'CONFLICT BRANCH_CANCELLED';
export const CONFIRMED = 'CONFLICT BRANCH_CONFIRMED';
export const UNKNOWN = 'CONFLICT BRANCH_UNKNOWN';
export const INSUFFICIENT = 'REFUSED INSUFFICIENT_CREDIT';
export const NO_WALLET = 'REFUSED WALLET_NOT_FOUND';

type Outcomes = Promise<string[]>;
type Name = ReturnType<typeof branch>;
type Take = ReturnType<typeof take>;

/** The participant's methods as the order service calls them. Each outcome is "DONE", or its status and reason. */
export interface Participant {
  readonly service: TestService;
  /** Somebody new with that much EUR. */
  somebody(credit?: bigint): Promise<string>;
  /** Available and held EUR. */
  balance(userId: string): Promise<[bigint, bigint]>;
  hold(...branches: Take[]): Outcomes;
  charge(...branches: Take[]): Outcomes;
  confirm(...branches: Name[]): Outcomes;
  cancel(...branches: Name[]): Outcomes;
  refund(...branches: (Take | ReturnType<typeof undo>)[]): Outcomes;
}

/** Starts the service for one test file, after which ledger, balances and branches are checked against each other. */
export async function startParticipant(): Promise<Participant> {
  const service = await startService();
  const { sql } = service.db;
  const { order } = service;

  afterAll(async () => {
    const wrong = await sql`
      SELECT w.user_id FROM wallets w
      WHERE w.available <> (
        SELECT coalesce(sum(e.available), 0) FROM ledger_entries e
        WHERE e.user_id = w.user_id AND e.currency = w.currency
      ) OR w.held <> (
        SELECT coalesce(sum(e.held), 0) FROM ledger_entries e
        WHERE e.user_id = w.user_id AND e.currency = w.currency
      ) OR w.held <> (
        SELECT coalesce(sum(b.amount), 0) FROM branches b
        WHERE b.user_id = w.user_id AND b.currency = w.currency AND b.state = 'HELD'
      )`;
    expect(wrong).toHaveLength(0);
    expect(await sql`SELECT FROM branches WHERE state = 'NEW'`).toHaveLength(0);
  });

  async function outcomes(call: Promise<{ results: { status: BranchStatus; reason: string }[] }>): Outcomes {
    const { results } = await call;
    return results.map(({ status, reason }) => `${BranchStatus[status]} ${reason}`.trim());
  }

  return {
    service,
    async somebody(credit = 0n) {
      const id = randomUUID();
      // Without a password that works, which spares the time of a registration.
      await sql`
        INSERT INTO users (id, email, display_name, password_hash, role)
        VALUES (${id}, ${`${id}@souk.example`}, 'P', '-', 'customer')`;
      if (credit > 0n) await sql`SELECT grant_credit(${id}, 'EUR', ${credit}, ${id})`;
      return id;
    },
    async balance(userId) {
      const [row] = await sql<{ available: bigint; held: bigint }[]>`
        SELECT available, held FROM wallets WHERE user_id = ${userId} AND currency = 'EUR'`;
      return [row?.available ?? 0n, row?.held ?? 0n];
    },
    hold: (...branches) => outcomes(order.holdCredit({ branches })),
    charge: (...branches) => outcomes(order.charge({ branches })),
    confirm: (...branches) => outcomes(order.confirmHold({ branches })),
    cancel: (...branches) => outcomes(order.cancelHold({ branches })),
    refund: (...branches) => outcomes(order.refund({ branches })),
  };
}
