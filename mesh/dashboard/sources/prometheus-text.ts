/** A sample of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads those samples of Prometheus' text format whose names are wanted; what it doesn't understand, it skips. */
export function* parseSamples(text: string, wanted: (name: string) => boolean): Generator<Sample> {
  for (const line of text.split('\n')) {
    const end = line.search(/[{ ]/);
    if (end < 1 || line.startsWith('#')) continue;
    const name = line.slice(0, end);
    if (!wanted(name)) continue;
    const match = /^(?:\{(.*?)\})? ([^ ]+)/.exec(line.slice(end));
    const value = Number(match?.[2]?.replace('Inf', 'Infinity'));
    if (!match || Number.isNaN(value)) continue;
    const labels: Record<string, string> = {};
    for (const [, key = '', text = ''] of (match[1] ?? '').matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
      labels[key] = text.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
    }
    yield { name, labels, value };
  }
}
