/** A template and its values, which may be templates themselves. */
export interface Template {
  readonly strings: TemplateStringsArray;
  readonly values: readonly unknown[];
}

/** What pg is given. */
export interface Compiled {
  /** With `$1`, `$2`, … for the values. */
  readonly text: string;
  /** The same for the same text, in this process. */
  readonly name: string;
  readonly values: unknown[];
  readonly summary: Summary;
}

/** What a statement does, for telemetry: of its text, and never of its values. */
export interface Summary {
  /** `SELECT`; of several the one that changes something. */
  readonly operation: string;
  /** With the tables: `INSERT outbox orders`. */
  readonly text: string;
}

/** Texts come from the code's templates alone, never from values: there are only so many. */
const known = new Map<string, Pick<Compiled, 'name' | 'summary'>>();
/** Of templates without other templates in them, which are always the same text. */
const plain = new WeakMap<TemplateStringsArray, Omit<Compiled, 'values'>>();

/** Puts a template and those within it into one text. Throws on an undefined value. */
export function compile(template: Template): Compiled {
  const values: unknown[] = [];
  const nested = template.values.some(isTemplate);
  const same = nested ? undefined : plain.get(template.strings);
  if (same) {
    for (const value of template.values) values.push(defined(value));
    return { ...same, values };
  }
  const text = write(template, values);
  let facts = known.get(text);
  if (facts === undefined) {
    facts = { name: `s${known.size}`, summary: summarize(text) };
    known.set(text, facts);
  }
  if (!nested) plain.set(template.strings, { text, ...facts });
  return { text, ...facts, values };
}

const CHANGES = /\b(insert|delete|merge)\s+(?:into|from)\b|(?<!\b(?:for|do)\s+)\b(update)\s/i;
const TABLES = /\b(?:from|join|into|(?<!\b(?:for|do)\s+)update)\s+([a-z_]\w*)(?!\w*\()/gi;
const NAMED = /(?:\bwith|,)\s+([a-z_]\w*)\s+as\s+(?:not\s+)?(?:materialized\s+)?\(/gi;
const NO_TABLES = new Set(['select', 'lateral', 'unnest', 'only', 'set', 'skip', 'now']);
const MAX_TABLES = 4;

/** What a statement's text says of verb and tables, as far as a glance can tell. */
export function summarize(text: string): Summary {
  const [, change, update] = CHANGES.exec(text) ?? [];
  const operation = (change ?? update ?? /^\s*([a-z]+)/i.exec(text)?.[1] ?? 'other').toUpperCase();
  const verb = operation === 'WITH' ? 'SELECT' : operation;
  const own = new Set([...text.matchAll(NAMED)].map(([, name]) => name?.toLowerCase()));
  const tables = [...text.matchAll(TABLES)].map(([, name]) => name?.toLowerCase() ?? '');
  const others = [...new Set(tables)].filter((name) => !own.has(name) && !NO_TABLES.has(name));
  return { operation: verb, text: [verb, ...others.slice(0, MAX_TABLES)].join(' ') };
}

function write({ strings, values: given }: Template, values: unknown[]): string {
  let text = strings[0] ?? '';
  given.forEach((value, i) => {
    text += isTemplate(value) ? write(value, values) : `$${values.push(defined(value))}`;
    text += strings[i + 1];
  });
  return text;
}

function isTemplate(value: unknown): value is Template {
  return typeof value === 'object' && value !== null && 'strings' in value && 'values' in value;
}

function defined(value: unknown): unknown {
  if (value === undefined) throw new TypeError('undefined is no value for a statement: use null');
  return value;
}
