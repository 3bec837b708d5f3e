import { byId, html, say, setAll, within } from './dom.js';
import { duration, rate, serviceOf, shortMethod } from './format.js';
import { failing, slow, worst } from './levels.js';
import { calls, names } from './store.js';

const table = byId('methods');
const title = byId('signals-title');
/** @typedef {{ subject: string, service: string, name: string }} Choice */
/** @type {Choice} */
let choice = { subject: 'service|order', service: 'order', name: 'order' };
/** @type {() => void} */
let changed = () => {};

/** The service or method whose signals are shown. */
export const selected = () => choice;

/** @param {() => void} callback called when another one is selected */
export function onSelection(callback) {
  changed = callback;
}

/** @typedef {{ row: HTMLTableRowElement, button: HTMLButtonElement, cells: HTMLTableCellElement[] }} Row */
/** @type {Map<string, Row>} */
const rows = new Map();
const bodies = new Map(
  ['order', 'product', 'user'].map((service) => {
    const body = html('tbody');
    table.append(body);
    return [service, body];
  }),
);
within(table, 'tbody').remove();

/** Shows services and those of their methods that were called. */
export function showMethods() {
  for (const service of bodies.keys()) showRow({ subject: `service|${service}`, service, name: service });
  for (const series of names(/^method\|.*\|rate$/)) {
    const subject = series.replace(/\|rate$/, '');
    const method = subject.replace('method|', '');
    const known = rows.has(subject) || calls(subject).rate > 0;
    if (known) showRow({ subject, service: serviceOf(method), name: shortMethod(method) });
  }
}

/** @param {Choice} what */
function showRow(what) {
  const { row, button, cells } = rows.get(what.subject) ?? addRow(what);
  const seen = calls(what.subject);
  const isSelected = choice.subject === what.subject;
  setAll(button, { 'aria-pressed': String(isSelected) });
  setAll(row, { class: isSelected ? 'selected' : undefined, 'data-level': worst(failing(seen), slow(seen)) });
  const values = [
    rate(seen.rate),
    rate(seen.failed),
    duration(seen.p50),
    duration(seen.p99),
    duration(seen.p999),
  ];
  for (const [n, cell] of cells.entries()) say(cell, values[n] ?? '');
  setAll(cells[1] ?? row, { 'data-level': failing(seen) });
  setAll(cells[3] ?? row, { 'data-level': slow(seen) });
  if (isSelected) say(title, `Golden signals of ${what.name}`);
}

/** @param {Choice} what @returns {Row} */
function addRow(what) {
  const isService = what.subject.startsWith('service|');
  const button = html('button', { type: 'button', class: 'link' }, what.name);
  button.addEventListener('click', () => {
    choice = what;
    showMethods();
    changed();
  });
  const cells = Array.from({ length: 5 }, () => html('td'));
  const row = html(
    'tr',
    { 'data-kind': isService ? 'service' : 'method' },
    html('th', { scope: 'row' }, button),
    ...cells,
  );
  bodies.get(what.service)?.append(row);
  const added = { row, button, cells };
  rows.set(what.subject, added);
  return added;
}
