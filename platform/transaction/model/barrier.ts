import { DONE, type Outcome } from '../outcome.ts';
import type { Without } from './defences.ts';

/** How much there is of one thing. */
export interface Holding {
  available: bigint;
  held: bigint;
  /** Sold, or spent. */
  used: bigint;
}

/** How much of what, by key. */
export type Wants = readonly { readonly key: string; readonly amount: bigint }[];

/** A branch's name. */
export interface BranchName {
  readonly transactionId: string;
  readonly branchId: string;
}

interface Row {
  readonly kind: 'reserve' | 'take' | 'give';
  state: 'HELD' | 'TAKEN' | 'GIVEN' | 'CONFIRMED' | 'CANCELLED' | 'UNDONE' | 'REFUSED';
  /** What the first call said. Undefined in a mark. */
  readonly body?: string;
  readonly wants: Wants;
  readonly refusal?: Outcome;
}

const conflict = (reason: string): Outcome => ({ kind: 'conflict', reason });

/**
 * What a participant does, as docs/transactions.md has it: one row for each branch that it has seen, so that repeated,
 * late and reordered calls take effect once or not at all. In memory, and so the reference for those in SQL.
 */
export class Barrier {
  readonly holdings = new Map<string, Holding>();
  /** Every movement, by key: what came to be available, and what went. */
  readonly ledger: { readonly key: string; readonly amount: bigint }[] = [];
  /** What no correct coordinator causes: a confirm after a cancel, more given back than was used. */
  readonly wrongs: string[] = [];
  readonly #rows = new Map<string, Row>();
  readonly #closed = new Set<string>();
  readonly #refusal: string;
  readonly #without: Without;

  constructor(refusal: string, without: Without = new Set()) {
    this.#refusal = refusal;
    this.#without = without;
  }

  /** Puts in what there is of something. */
  put(key: string, amount: bigint): void {
    this.holdings.set(key, { available: amount, held: 0n, used: 0n });
    this.ledger.push({ key, amount });
  }

  /** From now on nothing more of it is taken; what was taken before can come back. */
  close(key: string): void {
    this.#closed.add(key);
  }

  isHeld = (name: BranchName): boolean => this.#row(name)?.state === 'HELD';

  /** Whether anything is held at all. */
  get holds(): boolean {
    return [...this.#rows.values()].some(({ state }) => state === 'HELD');
  }

  /** TCC try ('reserve') or saga step ('take'). */
  take(kind: 'reserve' | 'take', name: BranchName, wants: Wants): Outcome {
    const body = bodyOf(wants);
    const row = this.#row(name);
    if (row !== undefined && row.kind !== kind) return conflict('BRANCH_MISMATCH');
    const over = row?.state === 'CANCELLED' || row?.state === 'UNDONE';
    if (over && !this.#without.has('step after cancel is refused')) return conflict('BRANCH_CANCELLED');
    if (row !== undefined && !over && !this.#without.has('duplicate check'))
      return row.body === body ? (row.refusal ?? DONE) : conflict('BRANCH_MISMATCH');
    const short = wants.find(
      ({ key, amount }) => this.#closed.has(key) || (this.holdings.get(key)?.available ?? 0n) < amount,
    );
    const refusal: Outcome | undefined = short && {
      kind: 'refused',
      reason: this.#refusal,
      subject: short.key,
    };
    if (refusal) {
      this.#set(name, { kind, state: 'REFUSED', body, wants: [], refusal });
      return refusal;
    }
    this.#move(wants, 'available', kind === 'reserve' ? 'held' : 'used');
    this.#set(name, { kind, state: kind === 'reserve' ? 'HELD' : 'TAKEN', body, wants });
    return DONE;
  }

  confirm(name: BranchName): Outcome {
    const row = this.#row(name);
    if (row === undefined || (row.kind === 'reserve' && row.state === 'REFUSED'))
      return this.#wrong('confirm of nothing', 'BRANCH_UNKNOWN');
    if (row.kind !== 'reserve') return conflict('BRANCH_MISMATCH');
    if (row.state === 'CANCELLED') return this.#wrong('confirm after cancel', 'BRANCH_CANCELLED');
    if (row.state === 'HELD' || this.#without.has('duplicate check')) this.#move(row.wants, 'held', 'used');
    row.state = 'CONFIRMED';
    return DONE;
  }

  cancel(name: BranchName): Outcome {
    const row = this.#row(name);
    if (row === undefined) {
      if (!this.#without.has('empty cancel mark'))
        this.#set(name, { kind: 'reserve', state: 'CANCELLED', wants: [] });
      return DONE;
    }
    if (row.kind !== 'reserve') return conflict('BRANCH_MISMATCH');
    if (row.state === 'CONFIRMED') return this.#wrong('cancel after confirm', 'BRANCH_CONFIRMED');
    if (row.state === 'HELD') this.#move(row.wants, 'held', 'available');
    row.state = 'CANCELLED';
    return DONE;
  }

  /** Gives back what is used. */
  give(name: BranchName, wants: Wants): Outcome {
    const body = bodyOf(wants);
    const row = this.#row(name);
    if (row !== undefined && !(this.#without.has('duplicate check') && row.state === 'GIVEN'))
      return row.kind === 'give' && row.body === body ? (row.refusal ?? DONE) : conflict('BRANCH_MISMATCH');
    const refusal = this.#tooMuch(wants);
    if (refusal) {
      this.#set(name, { kind: 'give', state: 'REFUSED', body, wants, refusal });
      return refusal;
    }
    this.#move(wants, 'used', 'available');
    this.#set(name, { kind: 'give', state: 'GIVEN', body, wants });
    return DONE;
  }

  /** Undoes the same transaction's take `undoes`, or keeps it from happening. */
  undo(name: BranchName, undoes: string): Outcome {
    const row = this.#row(name);
    const body = `undo ${undoes}`;
    if (row !== undefined)
      return row.kind === 'give' && row.body === body ? (row.refusal ?? DONE) : conflict('BRANCH_MISMATCH');
    const target = { transactionId: name.transactionId, branchId: undoes };
    const taken = this.#row(target);
    if (undoes === name.branchId || (taken !== undefined && taken.kind !== 'take'))
      return conflict('BRANCH_MISMATCH');
    const refusal = taken?.state === 'TAKEN' ? this.#tooMuch(taken.wants) : undefined;
    if (refusal) {
      this.#set(name, { kind: 'give', state: 'REFUSED', body, wants: [], refusal });
      return refusal;
    }
    if (taken?.state === 'TAKEN') this.#move(taken.wants, 'used', 'available');
    if (taken !== undefined) taken.state = 'UNDONE';
    else if (!this.#without.has('empty cancel mark'))
      this.#set(target, { kind: 'take', state: 'UNDONE', wants: [] });
    this.#set(name, { kind: 'give', state: 'GIVEN', body, wants: [] });
    return DONE;
  }

  /** The refusal of what would give back more than is used. */
  #tooMuch(wants: Wants): Outcome | undefined {
    const short = wants.find(({ key, amount }) => (this.holdings.get(key)?.used ?? 0n) < amount);
    if (short === undefined) return undefined;
    this.wrongs.push(`more of ${short.key} given back than was used`);
    return { kind: 'refused', reason: this.#refusal, subject: short.key };
  }

  #wrong(what: string, reason: string): Outcome {
    this.wrongs.push(what);
    return conflict(reason);
  }

  #move(wants: Wants, from: keyof Holding, to: keyof Holding): void {
    for (const { key, amount } of wants) {
      const holding = this.holdings.get(key);
      if (holding === undefined) throw new Error(`nobody put in ${key}`);
      holding[from] -= amount;
      holding[to] += amount;
      if (from === 'available') this.ledger.push({ key, amount: -amount });
      if (to === 'available') this.ledger.push({ key, amount });
      if (holding[from] < 0n) this.wrongs.push(`${from} of ${key} below zero`);
    }
  }

  #row = ({ transactionId, branchId }: BranchName): Row | undefined =>
    this.#rows.get(`${transactionId}/${branchId}`);

  #set({ transactionId, branchId }: BranchName, row: Row): void {
    this.#rows.set(`${transactionId}/${branchId}`, row);
  }
}

const bodyOf = (wants: Wants): string => wants.map(({ key, amount }) => `${key}=${amount}`).join();
