import { byId, html, say, within } from './dom.js';
import { duration, percent, rate } from './format.js';
import { calls, latest, names } from './store.js';

const body = within(byId('edges'), 'tbody');
/** @type {Map<string, HTMLTableCellElement[]>} */
const rows = new Map();

/** The edges of the graph as a table. */
export function showEdges() {
  for (const name of names(/^(edge|event|database)\|[^|]*\|rate$/)) {
    const subject = name.replace(/\|rate$/, '');
    const seen = calls(subject);
    const [group, ends = ''] = subject.split('|');
    const [from, to] = group === 'database' ? [ends, 'PostgreSQL'] : ends.split('>');
    let cells = rows.get(subject);
    if (!cells) {
      cells = Array.from({ length: 10 }, () => html('td'));
      body.append(html('tr', {}, html('th', { scope: 'row' }, from ?? ''), ...cells));
      rows.set(subject, cells);
    }
    const mesh = group === 'edge';
    const values = [
      group === 'event' ? `${to} (events)` : (to ?? ''),
      rate(seen.rate),
      percent(seen.success),
      duration(seen.p50),
      duration(seen.p95),
      duration(seen.p99),
      mesh ? rate(seen.retries) : '–',
      mesh ? String(seen.ejected) : '–',
      mesh ? String(seen.open) : '–',
      group === 'event' ? String(latest(`lag|${ends}|events`) ?? '–') : '–',
    ];
    for (const [n, cell] of cells.entries()) say(cell, values[n] ?? '');
  }
}
