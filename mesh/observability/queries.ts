import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** One query of what is asked of Prometheus. */
export interface Query {
  /** `souk-mesh: Retries` */
  readonly where: string;
  readonly expression: string;
  /** Whether a dashboard asks it. */
  readonly shown: boolean;
}

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
  readonly templating: {
    readonly list: readonly { readonly type: string; readonly query: { query: string } }[];
  };
}

/** Grafana's dashboards, by their names. */
export function dashboards(): Map<string, Dashboard> {
  const names = readdirSync(join(folder, 'grafana'));
  return new Map(
    names.map((name) => [
      name.replace('.json', ''),
      JSON.parse(readFileSync(join(folder, 'grafana', name), 'utf8')) as Dashboard,
    ]),
  );
}

/** Every rule and alert. */
export function rules(): Rule[] {
  return ['recording.yml', 'alerts.yml'].flatMap((name) => {
    const file = parse(readFileSync(join(folder, 'prometheus', 'rules', name), 'utf8'));
    return (file.groups as { rules: Rule[] }[]).flatMap((group) => group.rules);
  });
}

/** Every query of every dashboard, rule and alert. An alert's without its limits, so that it has an answer when all is well. */
export function queries(service: string): Query[] {
  const panels = [...dashboards()].flatMap(([name, { panels }]) =>
    panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ where: `${name}: ${title}`, expression: expr, shown: true })),
    ),
  );
  const ruled = rules().map(({ record, alert, expr }) => ({
    where: record ?? alert ?? '',
    shown: false,
    expression: alert ? expr.replaceAll(/\s(?:>|<|==)\s[\d.]+(?:\s\*\s[\d.]+)?/g, '') : expr,
  }));
  return [...panels, ...ruled].map(({ expression, ...query }) => ({
    ...query,
    expression: expression.replaceAll('$service', service),
  }));
}

/** What a Prometheus says, on a port of this machine, to `query?query=up`. Rejects if it has no answer to that. */
export async function ask<Answer>(port: number, path: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
  const { data, error } = (await response.json()) as { data?: Answer; error?: string };
  if (data === undefined) throw new Error(`${path}: ${error}`);
  return data;
}

/** The series that an expression comes to now, each with its value. */
export const resultOf = async (port: number, expression: string) =>
  (
    await ask<{ result: { value: [number, string] }[] }>(
      port,
      `query?query=${encodeURIComponent(expression)}`,
    )
  ).result;

/** Those of the {@link queries} to which a Prometheus has no figure now. */
export async function unanswered(port: number, service: string): Promise<Query[]> {
  const silent: Query[] = [];
  for (const query of queries(service)) {
    const found = await resultOf(port, query.expression);
    if (found.every(({ value: [, figure] }) => Number.isNaN(Number(figure)))) silent.push(query);
  }
  return silent;
}
