import { readFileSync } from 'node:fs';
import type { MethodRoute } from '../contract.ts';
import { type Resource, typed } from '../resource.ts';

/** A filter in Lua that knows the paths of some methods, as `methods["/shop.…"]`. `file` is beside this one. */
export function methodFilter(name: string, file: string, methods: readonly MethodRoute[]): Resource {
  const script = readFileSync(new URL(file, import.meta.url), 'utf8');
  const entries = methods.map(({ path }) => `["${path}"] = true`);
  return {
    name,
    typed_config: typed('envoy.extensions.filters.http.lua.v3.Lua', {
      default_source_code: {
        inline_string: script.replace(/^-- METHODS: .*$/m, `local methods = { ${entries.join(', ')} }`),
      },
    }),
  };
}
