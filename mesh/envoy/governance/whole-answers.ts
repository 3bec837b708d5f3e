import type { MethodRoute } from '../contract.ts';
import type { Resource } from '../resource.ts';
import { methodFilter } from './method-filter.ts';

/**
 * A filter between router and instance: answers of the methods that may be tried again reach the router whole, or not
 * at all and then they are tried again. Streams pass as they come.
 */
export const wholeAnswers = (contract: readonly MethodRoute[]): Resource =>
  methodFilter(
    'souk.whole_answers',
    'whole-answers.lua',
    contract.filter(({ retryable, streaming }) => retryable && !streaming),
  );
