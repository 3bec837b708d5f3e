/** How a transaction ends. */
export type Direction = 'committed' | 'rolled_back';

/** Is told what becomes of transactions in this process. Never throws. */
export interface TransactionObserver {
  /** One was begun here. */
  started(kind: string): void;
  /** One came to its end here, `seconds` after it began anywhere. Each ends once, in one process. */
  ended(kind: string, direction: Direction, seconds: number): void;
  /** One that another process, or a failed attempt, had left was taken over here. */
  recovered(kind: string): void;
  /** A participant answered that a branch doesn't fit what it did before. */
  conflict(kind: string, reason: string): void;
}

/** An observer that nobody listens to. */
export const SILENT: TransactionObserver = {
  started() {},
  ended() {},
  recovered() {},
  conflict() {},
};
