/**
 * What keeps transactions whole, one by one. The model runs with all of them; a test takes one away and expects the
 * model to find what it kept from happening.
 */
export const defences = [
  /** A participant knows a branch that it has seen, and doesn't do it again. */
  'duplicate check',
  /** A cancel, or an undo, that comes before its step leaves a mark. */
  'empty cancel mark',
  /** A step that comes after its cancel, or its undo, is refused. */
  'step after cancel is refused',
  /** A decision is made only of a transaction that is undecided. */
  'one decision',
  /** The intent is committed before the first step is sent. */
  'durable intent',
  /** The decision for is committed before anybody is told. */
  'durable commit',
  /** The decision against is committed before anything is cancelled. */
  'durable rollback',
  /** A step whose outcome is unknown doesn't count as done. */
  'unknown is not done',
  /** A branch is cancelled even when nobody knows whether its try took effect. */
  'cancel of unknown tries',
  /** A step is undone even when nobody knows whether it took effect. */
  'undo of unknown steps',
  /** What follows a decision is repeated until it succeeds. */
  'retry after decision',
  /** What a process leaves behind, another takes over. */
  'recovery',
  /** What a living process works on is left to it. */
  'lease',
  /** One who was overtaken doesn't move the lease of his successor. */
  'epoch',
  /** A participant whose branch hangs doesn't decide alone. */
  'inquiry waits for the decision',
  /** What is still held of an earlier transaction is confirmed before it is given back. */
  'confirm before give-back',
  /** The pivot fits only the version that the steps were made for. */
  'conditional pivot',
  /** A request makes one entity, however often it is sent. */
  'one entity for each request',
  /** When an owner is gone, what is undecided of his is decided against, and not only what is decided undone. */
  'closing decides what is undecided',
] as const;

/** One of them. */
export type Defence = (typeof defences)[number];
/** Those that are missing. */
export type Without = ReadonlySet<Defence>;
