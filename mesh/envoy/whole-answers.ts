import { readFileSync } from 'node:fs';
import type { MethodRoute } from './contract.ts';
import { type Resource, typed } from './resource.ts';

const script = readFileSync(new URL('whole-answers.lua', import.meta.url), 'utf8');

/**
 * A filter between router and instance: answers of the methods that may be tried again reach the router whole, or not
 * at all and then they are tried again. Streams pass as they come.
 */
export function wholeAnswers(contract: readonly MethodRoute[]): Resource {
  const methods = contract
    .filter(({ retryable, timeoutMs }) => retryable && timeoutMs > 0)
    .map(({ path }) => `["${path}"] = true`);
  const table = `local methods = { ${methods.join(', ')} }`;
  return {
    name: 'souk.whole_answers',
    typed_config: typed('envoy.extensions.filters.http.lua.v3.Lua', {
      default_source_code: { inline_string: script.replace(/^-- METHODS: .*$/m, table) },
    }),
  };
}
