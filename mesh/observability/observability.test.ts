import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { METRICS, prometheusName } from '../../platform/telemetry/names.ts';
import { repository } from '../local/config.ts';
import { queries, rules } from './queries.ts';

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(' ', '-');

test('each alert has a runbook, and it is there', () => {
  const alerts = rules().filter(({ alert }) => alert);
  expect(alerts.length).toBeGreaterThan(10);
  for (const { alert, annotations } of alerts) {
    const [page = '', anchor = ''] = (annotations?.runbook ?? '').split('#');
    const file = join(repository, page);
    expect(existsSync(file), alert).toBe(true);
    const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
      anchorOf(text ?? ''),
    );
    expect(headings, alert).toContain(anchor);
  }
});

test('what is asked of our own metrics is called as in the registry of names', () => {
  const ours = /\b(?:rpc_(?:server|client)|db_client|messaging_client|souk|postgresql)_\w+(?=[{[)\s]|$)/g;
  const known = new Set<string>();
  for (const spec of Object.values(METRICS)) {
    const name = prometheusName(spec);
    for (const suffix of spec.kind === 'histogram' ? ['_bucket', '_count', '_sum'] : [''])
      known.add(name + suffix);
  }
  for (const { where, expression } of queries('order')) {
    // Labels stand in braces, and after by and on.
    const bare = expression.replaceAll(/\{[^}]*\}/g, '').replaceAll(/\b(?:by|on|without)\s*\([^)]*\)/g, '');
    const names = bare.match(ours) ?? [];
    expect(
      names.filter((name) => !known.has(name)),
      where,
    ).toEqual([]);
  }
});
