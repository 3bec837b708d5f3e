/** @import { Failure, Happening } from '../messages.ts' */
import { byId, html, nameRoles, onChoice, within } from './dom.js';
import { clock, duration, shortMethod } from './format.js';
import { showTrace } from './trace.js';

const body = within(byId('failures'), 'tbody');
nameRoles(byId('failures'));
/** @type {readonly Failure[]} */
let newest = [];
let kind = 'faults';

/** Shows the newest failures. @param {readonly Failure[]} failures */
export function showFailures(failures) {
  newest = failures;
  show();
}

function show() {
  const shown = newest.filter((one) => kind === 'all' || one.fault).slice(0, 100);
  body.replaceChildren(...shown.map(rowOf));
}

/** @param {Failure} failure */
function rowOf({ time, where, method, status, fault, flags, durationMs, attempts, traceId }) {
  const cell = (/** @type {string | HTMLElement} */ shown, attributes = {}) =>
    html('td', { role: 'cell', ...attributes }, shown);
  return html(
    'tr',
    { role: 'row', 'data-level': fault ? 'bad' : 'ok' },
    cell(clock(time)),
    cell(shortMethod(method), { title: method }),
    cell(status + (attempts > 1 ? ` (${attempts} tries)` : ''), { class: 'wrong' }),
    cell(flags || '–'),
    cell(where),
    cell(duration(durationMs)),
    cell(traceId ? traceButton(traceId) : '–'),
  );
}

/** @param {string} traceId */
export function traceButton(traceId) {
  const button = html(
    'button',
    { type: 'button', class: 'link', 'aria-label': `Show trace ${traceId.slice(0, 8)}` },
    traceId.slice(0, 8),
  );
  button.addEventListener('click', () => showTrace(traceId));
  return button;
}

/** Shows what the launcher logged. @param {readonly Happening[]} happenings */
export function showHappenings(happenings) {
  byId('happenings').replaceChildren(
    ...happenings.map(({ time, line }) => html('li', {}, html('time', {}, clock(time)), ' ', line)),
  );
}

onChoice('failure-kind', (value) => {
  kind = value;
  show();
});
