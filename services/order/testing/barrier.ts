import { BranchStatus } from '@souk/contracts/shop/transaction/v1/branch_pb.js';

/** A branch's answer on the wire. */
export interface Answer {
  status: BranchStatus;
  reason: string;
  subject: string;
}

/** Pieces of one thing, or credit of one person. */
export interface Holding {
  available: bigint;
  held: bigint;
  /** Sold, or spent. */
  used: bigint;
}

interface Branch {
  state: 'HELD' | 'TAKEN' | 'GIVEN' | 'CONFIRMED' | 'CANCELLED' | 'REFUSED';
  body: string;
  wants: Wants;
  answer: Answer;
}

/** How much of what, by key. */
export type Wants = readonly { readonly key: string; readonly amount: bigint }[];
/** A branch's name. */
export interface Name {
  transactionId: string;
  branchId: string;
}

const done: Answer = { status: BranchStatus.DONE, reason: '', subject: '' };
const conflict = (reason: string): Answer => ({ status: BranchStatus.CONFLICT, reason, subject: '' });

/** A participant's semantics, as the contract and docs/decisions have them, in memory. */
export class Barrier {
  readonly holdings = new Map<string, Holding>();
  /** Everything that no correct coordinator causes: a holding below zero, a confirm after a cancel. */
  readonly wrongs: string[] = [];
  readonly #branches = new Map<string, Branch>();
  readonly #refusal: string;

  constructor(refusal: string) {
    this.#refusal = refusal;
  }

  /** TCC try ('held') or saga step ('used'). */
  take(name: Name, wants: Wants, into: 'held' | 'used'): Answer {
    const body = JSON.stringify([into, wants.map(({ key, amount }) => [key, String(amount)])]);
    const known = this.#branches.get(id(name));
    if (known?.state === 'CANCELLED') return conflict('BRANCH_CANCELLED');
    if (known !== undefined) return known.body === body ? known.answer : conflict('BRANCH_MISMATCH');
    const short = wants.find(({ key, amount }) => (this.holdings.get(key)?.available ?? 0n) < amount);
    const answer = short ? { status: BranchStatus.REFUSED, reason: this.#refusal, subject: short.key } : done;
    if (!short) this.#move(wants, 'available', into);
    const state = short ? 'REFUSED' : into === 'held' ? 'HELD' : 'TAKEN';
    this.#branches.set(id(name), { state, body, wants, answer });
    return answer;
  }

  confirm(name: Name): Answer {
    const known = this.#branches.get(id(name));
    if (known?.state === 'CONFIRMED') return done;
    if (known?.state !== 'HELD') {
      this.wrongs.push(`confirm of ${known?.state ?? 'an unknown branch'}`);
      return conflict('BRANCH_UNKNOWN');
    }
    this.#move(known.wants, 'held', 'used');
    known.state = 'CONFIRMED';
    return done;
  }

  /** TCC cancel, and the undoing of a saga step. */
  cancel(name: Name): Answer {
    const known = this.#branches.get(id(name));
    if (known?.state === 'CONFIRMED') {
      this.wrongs.push('cancel of a confirmed branch');
      return conflict('BRANCH_CONFIRMED');
    }
    if (known?.state === 'HELD') this.#move(known.wants, 'held', 'available');
    if (known?.state === 'TAKEN') this.#move(known.wants, 'used', 'available');
    this.#branches.set(id(name), { state: 'CANCELLED', body: '', wants: [], answer: done });
    return done;
  }

  give(name: Name, wants: Wants): Answer {
    if (!this.#branches.has(id(name))) {
      this.#move(wants, 'used', 'available');
      this.#branches.set(id(name), { state: 'GIVEN', body: '', wants, answer: done });
    }
    return done;
  }

  #move(wants: Wants, from: keyof Holding, to: keyof Holding): void {
    for (const { key, amount } of wants) {
      const holding = this.holdings.get(key) ?? { available: 0n, held: 0n, used: 0n };
      holding[from] -= amount;
      holding[to] += amount;
      if (holding[from] < 0n) this.wrongs.push(`${from} of ${key} below zero`);
      this.holdings.set(key, holding);
    }
  }
}

const id = ({ transactionId, branchId }: Name): string => `${transactionId}/${branchId}`;
