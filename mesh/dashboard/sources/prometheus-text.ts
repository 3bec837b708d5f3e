/** A sample of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Finds the samples of the given metrics in Prometheus' text format. One expression passes over the rest at speed. */
export function samplesOf(names: readonly string[]): (text: string) => Generator<Sample> {
  const lines = new RegExp(`^(${names.join('|')})(?:\\{(.*)\\})? ([^ \\n]+)`, 'gm');
  return function* (text) {
    for (const [, name = '', labels = '', value = ''] of text.matchAll(lines)) {
      yield { name, labels: parseLabels(labels), value: Number(value.replace('Inf', 'Infinity')) };
    }
  };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
    labels[name] = value.includes('\\')
      ? value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped))
      : value;
  }
  return labels;
}
