import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { linearTicks, logTicks } from './chart.ts';
import { compare } from './compare.ts';
import { reportPage } from './page.ts';
import { simulateRun } from './testing/simulated-run.ts';

const report = {
  ...simulateRun({ serviceMs: 4, failing: 2 }, { profile: 'step' }),
  failures: ['all: <b>error rate</b> is 2 %'],
  search: { rate: 100, trials: [{ rate: 200, broken: ['GetProduct: p99 is <long>'] }], cut: undefined },
};
const page = reportPage(report, compare(simulateRun({ serviceMs: 2 }), report));

/** What never ends, in HTML and in the SVG that is written here. */
const EMPTY = /^(meta|path|rect|!doctype)$/;

describe('the report as a page', () => {
  it('has each element ended where it should be', () => {
    const open: string[] = [];
    const body = page.replace(/<(style|script)>[\s\S]*?<\/\1>/g, '');
    for (const [, end, name = ''] of body.matchAll(/<(\/?)([!a-z0-9]+)(?:\s[^>]*)?>/g)) {
      if (EMPTY.test(name)) continue;
      if (end) expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
    expect(body).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('needs nothing from elsewhere', () => {
    // The one address is the name of SVG, which nobody fetches.
    const addresses = [...page.matchAll(/\w+:\/\/[^\s"'<)]+/g)].map(([address]) => address);
    expect(new Set(addresses)).toEqual(new Set(['http://www.w3.org/2000/svg']));
    expect(page).not.toMatch(/\b(src|href|url|@import|fetch)\b\s*[=(]/);
  });

  it('has a script that can be read, and data for it', () => {
    expect(() => new Script(/<script>([\s\S]*)<\/script>/.exec(page)?.[1] ?? '!')).not.toThrow();
    const charts = [...page.matchAll(/data-chart="([^"]*)"/g)].map(([, data = '']) =>
      JSON.parse(data.replaceAll(/&#(\d+);/g, (_, code) => String.fromCodePoint(code))),
    );
    expect(charts).toHaveLength(4);
    for (const { seconds, values } of charts)
      for (const line of values) expect(line).toHaveLength(seconds.length);
  });

  it('tells all figures, and what failed', () => {
    for (const { method, calls } of report.methods)
      expect(page).toContain(`<td>${method}</td><td>${calls}</td>`);
    expect(page).toContain('UNAVAILABLE');
    // Failed, repeated, and by the mesh: those of calls between services too.
    expect(page).toMatch(
      /<td>all<\/td>(<td>[\d.]+<\/td>){2}<td class="bad">\d+<\/td><td>\d+<\/td><td>5<\/td>/,
    );
    expect(page).toContain('order-1 was started anew');
    expect(page).toContain('Compared');
  });

  it('takes names for text', () => {
    expect(page).toContain('A &#60;model&#62;');
    expect(page).toContain('&#60;b&#62;error rate');
  });
});

describe('ticks', () => {
  it('are round and reach around the values', () => {
    expect(linearTicks(300)).toEqual([0, 100, 200, 300]);
    expect(linearTicks(0)).toEqual([0, 0.5, 1]);
    expect(logTicks([2, 45])).toEqual([1, 3, 10, 30, 100]);
    expect(logTicks([])).not.toEqual([]);
  });
});
