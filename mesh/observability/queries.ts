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
      targets.map(({ expr }) => ({ where: `${name}: ${title}`, expression: expr })),
    ),
  );
  const ruled = rules().map(({ record, alert, expr }) => ({
    where: record ?? alert ?? '',
    expression: alert ? expr.replaceAll(/\s(?:>|<|==)\s[\d.]+(?:\s\*\s[\d.]+)?/g, '') : expr,
  }));
  return [...panels, ...ruled].map(({ where, expression }) => ({
    where,
    expression: expression.replaceAll('$service', service),
  }));
}
