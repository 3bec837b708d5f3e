import type { Databases } from './databases.ts';
import type { Given } from './given.ts';

/** Something that holds whenever the shop is quiet, whatever happened to it. */
export interface Invariant {
  readonly name: string;
  /** One line on each violation. */
  violations(databases: Databases, given: Given): Promise<string[]>;
}
