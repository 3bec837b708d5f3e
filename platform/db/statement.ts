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
}

/** Texts come from the code's templates alone, never from values: there are only so many. */
const names = new Map<string, string>();
/** Of templates without other templates in them, which are always the same text. */
const plain = new WeakMap<TemplateStringsArray, { text: string; name: string }>();

/** Puts a template and those within it into one text. Throws on an undefined value. */
export function compile(template: Template): Compiled {
  const values: unknown[] = [];
  const nested = template.values.some(isTemplate);
  const known = nested ? undefined : plain.get(template.strings);
  if (known) {
    for (const value of template.values) values.push(defined(value));
    return { ...known, values };
  }
  const text = write(template, values);
  let name = names.get(text);
  if (name === undefined) {
    name = `s${names.size}`;
    names.set(text, name);
  }
  if (!nested) plain.set(template.strings, { text, name });
  return { text, name, values };
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
