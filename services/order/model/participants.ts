import type { Barrier, Wants } from '../../../platform/transaction/model/barrier.ts';
import type { Without } from '../../../platform/transaction/model/defences.ts';
import type { MemoryLog } from '../../../platform/transaction/model/memory-log.ts';
import type { Process } from '../../../platform/transaction/model/process.ts';
import type { Scheduler } from '../../../platform/transaction/model/scheduler.ts';
import { DONE, type Outcome } from '../../../platform/transaction/outcome.ts';
import type { Owner } from '../clients/branches.ts';
import type { Stock } from '../clients/stock.ts';
import type { Credit, Wallet } from '../clients/wallet.ts';
import type { Wanted } from '../domain/lines.ts';

type Step = (owner: Owner, branchId: string, wants: Wants) => Promise<Outcome>;
type Undo = (owner: Owner, branchId: string, undoes: string) => Promise<Outcome>;
type Named = (owner: Owner, branchId: string) => Promise<Outcome>;

/** How long a branch is held before its participant asks what was decided. */
const PATIENCE_MS = 4_000;
const ROUND_TRIP_MS = 2_000;

/** A branch that hangs asks for its transaction, again and again, and does what was decided. */
function inquire(
  name: { transactionId: string; branchId: string },
  barrier: Barrier,
  world: { scheduler: Scheduler; log: MemoryLog; without: Without },
): void {
  const { scheduler, log, without } = world;
  const ask = () =>
    scheduler.after(
      PATIENCE_MS,
      () => {
        if (!barrier.isHeld(name)) return;
        const state = log.rows.get(name.transactionId)?.state;
        // The answer may be old when it comes; but a decision doesn't change.
        scheduler.after(scheduler.random() * ROUND_TRIP_MS, () => {
          if (state === 'RUNNING' && !without.has('inquiry waits for the decision')) ask();
          else if (state === 'COMMITTING' || state === 'COMMITTED') barrier.confirm(name);
          else barrier.cancel(name);
        });
      },
      true,
    );
  ask();
}

/** A participant as a process reaches it. */
function participantOf(
  process: Process,
  barrier: Barrier,
  world: { scheduler: Scheduler; log: MemoryLog; without: Without; inquiry: boolean },
) {
  const { without } = world;
  // What this process doesn't know to have happened.
  const unknown = new Set<string>();
  async function first(key: string, call: Promise<Outcome>): Promise<Outcome> {
    unknown.add(key);
    try {
      const outcome = await call;
      unknown.delete(key);
      return outcome;
    } catch (error) {
      if (without.has('unknown is not done')) return DONE;
      throw error;
    }
  }
  const reserve: Step = ({ id: transactionId }, branchId, wants) => {
    const name = { transactionId, branchId };
    const effect = () => {
      const fresh = !barrier.isHeld(name);
      const outcome = barrier.take('reserve', name, wants);
      if (world.inquiry && fresh && barrier.isHeld(name)) inquire(name, barrier, world);
      return outcome;
    };
    return first(`${transactionId}/${branchId}`, process.message(effect));
  };
  const confirm: Named = ({ id: transactionId }, branchId) =>
    process.message(() => barrier.confirm({ transactionId, branchId }));
  const cancel: Named = async ({ id: transactionId }, branchId) => {
    if (without.has('cancel of unknown tries') && unknown.has(`${transactionId}/${branchId}`)) return DONE;
    return process.message(() => barrier.cancel({ transactionId, branchId }));
  };
  const take: Step = ({ id: transactionId }, branchId, wants) =>
    first(
      `${transactionId}/${branchId}`,
      process.message(() => barrier.take('take', { transactionId, branchId }, wants)),
    );
  const undo: Undo = async ({ id: transactionId }, branchId, undoes) => {
    if (without.has('undo of unknown steps') && unknown.has(`${transactionId}/${undoes}`)) return DONE;
    return process.message(() => barrier.undo({ transactionId, branchId }, undoes));
  };
  const give: Step = ({ id: transactionId }, branchId, wants) =>
    process.message(() => barrier.give({ transactionId, branchId }, wants));
  return { reserve, confirm, cancel, take, undo, give };
}

const pieces = (lines: readonly Wanted[]): Wants =>
  lines.map(({ productId, quantity }) => ({ key: productId, amount: BigInt(quantity) }));
const money = ({ userId, amount }: Credit): Wants => [{ key: userId, amount }];

/** Stock and wallets as a process reaches them. */
export function peersOf(
  process: Process,
  barriers: { stock: Barrier; wallets: Barrier },
  world: { scheduler: Scheduler; log: MemoryLog; without: Without; inquiry: boolean },
): { stock: Stock; wallet: Wallet } {
  const stock = participantOf(process, barriers.stock, world);
  const wallet = participantOf(process, barriers.wallets, world);
  return {
    stock: {
      reserve: (owner, branch, lines) => stock.reserve(owner, branch, pieces(lines)),
      confirm: stock.confirm,
      cancel: stock.cancel,
      take: (owner, branch, lines) => stock.take(owner, branch, pieces(lines)),
      untake: stock.undo,
      restock: (owner, branch, lines) => stock.give(owner, branch, pieces(lines)),
    },
    wallet: {
      hold: (owner, branch, credit) => wallet.reserve(owner, branch, money(credit)),
      confirm: wallet.confirm,
      cancel: wallet.cancel,
      charge: (owner, branch, credit) => wallet.take(owner, branch, money(credit)),
      uncharge: wallet.undo,
      refund: (owner, branch, credit) => wallet.give(owner, branch, money(credit)),
    },
  };
}
