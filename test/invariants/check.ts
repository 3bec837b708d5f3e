import { copiesEqualSource } from './copies-equal-source.ts';
import type { Databases } from './databases.ts';
import { eventsTaken, nothingParked } from './events-taken.ts';
import type { Given } from './given.ts';
import type { Invariant } from './invariant.ts';
import { ledgerIsBalance } from './ledger-is-balance.ts';
import { nothingHeld } from './nothing-held.ts';
import { oneOrderPerRequest } from './one-order-per-request.ts';
import { ordersFinal } from './orders-final.ts';
import { repliesTrue } from './replies-true.ts';
import { salesCounted } from './sales-counted.ts';
import { soldIsOrdered } from './sold-is-ordered.ts';
import { spentIsOrdered } from './spent-is-ordered.ts';
import { stockConserved } from './stock-conserved.ts';
import { transactionsClosed } from './transactions-closed.ts';

/** All that holds for a quiet shop whose orders are not deleted. */
export const invariants: readonly Invariant[] = [
  stockConserved,
  nothingHeld,
  soldIsOrdered,
  ledgerIsBalance,
  spentIsOrdered,
  ordersFinal,
  transactionsClosed,
  oneOrderPerRequest,
  repliesTrue,
  eventsTaken,
  nothingParked,
  copiesEqualSource,
  salesCounted,
];

/** Checks all invariants of a quiet shop; the violations, each with its invariant's name. */
export async function checkInvariants(databases: Databases, given: Given): Promise<string[]> {
  const found: string[] = [];
  for (const { name, violations } of invariants) {
    found.push(...(await violations(databases, given)).map((violation) => `${name}: ${violation}`));
  }
  return found;
}
