import { type Line, type LinesBranch, type Outcome, type RestockBranch, toOutcome } from './stock.ts';

interface Row {
  kind: 'reserve' | 'take' | 'restock';
  state: string;
  lines: readonly Line[] | undefined;
  undoes?: string | undefined;
  refusal?: readonly [reason: string, subject: string];
}

type Name = Pick<LinesBranch, 'transactionId' | 'branchId'>;
const keyOf = ({ transactionId, branchId }: Name): string => `${transactionId}/${branchId}`;
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const done = toOutcome('', null);
const conflict = (reason: string): Outcome => toOutcome(reason, null);

/** What the participant is to do, said once more in memory and branch by branch; the tests compare the two. */
export class StockModel {
  readonly stock = new Map<string, { available: number; held: number; sold: number }>();
  readonly #rows = new Map<string, Row>();

  take(kind: 'reserve' | 'take', branch: LinesBranch): Outcome {
    const row = this.#rows.get(keyOf(branch));
    if (row) {
      if (row.kind !== kind) return conflict('BRANCH_MISMATCH');
      if (row.state === 'CANCELLED' || row.state === 'UNDONE') return conflict('BRANCH_CANCELLED');
      if (!same(row.lines, branch.lines)) return conflict('BRANCH_MISMATCH');
      return row.refusal ? toOutcome(...row.refusal) : done;
    }
    const refusal = this.#refusal(branch.lines, 'available');
    const state = kind === 'reserve' ? 'HELD' : 'TAKEN';
    this.#rows.set(keyOf(branch), {
      kind,
      state: refusal ? 'REFUSED' : state,
      lines: branch.lines,
      ...refusal,
    });
    if (refusal) return toOutcome(...refusal.refusal);
    this.#move(branch.lines, 'available', kind === 'reserve' ? 'held' : 'sold');
    return done;
  }

  confirm(name: Name): Outcome {
    const row = this.#rows.get(keyOf(name));
    if (!row || (row.kind === 'reserve' && row.state === 'REFUSED')) return conflict('BRANCH_UNKNOWN');
    if (row.kind !== 'reserve') return conflict('BRANCH_MISMATCH');
    if (row.state === 'CANCELLED') return conflict('BRANCH_CANCELLED');
    if (row.state === 'HELD') this.#move(row.lines, 'held', 'sold');
    row.state = 'CONFIRMED';
    return done;
  }

  cancel(name: Name): Outcome {
    const row = this.#rows.get(keyOf(name)) ?? { kind: 'reserve', state: 'CANCELLED', lines: undefined };
    if (row.kind !== 'reserve') return conflict('BRANCH_MISMATCH');
    if (row.state === 'CONFIRMED') return conflict('BRANCH_CONFIRMED');
    if (row.state === 'HELD') this.#move(row.lines, 'held', 'available');
    row.state = 'CANCELLED';
    this.#rows.set(keyOf(name), row);
    return done;
  }

  restock(branch: RestockBranch): Outcome {
    const row = this.#rows.get(keyOf(branch));
    const lines = branch.undoes === undefined ? branch.lines : undefined;
    if (row) {
      const known = row.kind === 'restock' && row.undoes === branch.undoes && same(row.lines, lines);
      if (!known) return conflict('BRANCH_MISMATCH');
      return row.refusal ? toOutcome(...row.refusal) : done;
    }
    const undone = { transactionId: branch.transactionId, branchId: branch.undoes ?? '' };
    const target = branch.undoes === undefined ? undefined : this.#rows.get(keyOf(undone));
    if (branch.undoes === branch.branchId || (target && target.kind !== 'take'))
      return conflict('BRANCH_MISMATCH');
    const back = target?.state === 'TAKEN' ? target.lines : lines;
    const refusal = this.#refusal(back ?? [], 'sold');
    const state = refusal ? 'REFUSED' : 'GIVEN';
    this.#rows.set(keyOf(branch), { kind: 'restock', state, lines, undoes: branch.undoes, ...refusal });
    if (refusal) return toOutcome(...refusal.refusal);
    this.#move(back, 'sold', 'available');
    if (target) target.state = 'UNDONE';
    else if (branch.undoes !== undefined)
      this.#rows.set(keyOf(undone), { kind: 'take', state: 'UNDONE', lines: undefined });
    return done;
  }

  #refusal(
    lines: readonly Line[],
    from: 'available' | 'sold',
  ): { refusal: readonly [string, string] } | undefined {
    for (const { productId, quantity } of lines) {
      const stock = this.stock.get(productId);
      if (!stock) return { refusal: ['PRODUCT_NOT_FOUND', productId] };
      if (stock[from] < quantity) return { refusal: ['INSUFFICIENT_STOCK', productId] };
    }
    return undefined;
  }

  #move(
    lines: readonly Line[] | undefined,
    from: 'available' | 'held' | 'sold',
    to: 'available' | 'held' | 'sold',
  ) {
    for (const { productId, quantity } of lines ?? []) {
      const stock = this.stock.get(productId);
      if (!stock) throw new Error(`the model has no ${productId}`);
      stock[from] -= quantity;
      stock[to] += quantity;
    }
  }
}
