/** @import { InstanceView, ShopView } from '../messages.ts' */
import { byId, html, nameRoles, say, setAll, within } from './dom.js';
import { cpu, duration, mebibytes, percent, rate, uptime } from './format.js';
import { giveOrder } from './orders.js';
import { signPicture, words } from './signs.js';
import { calls, latest } from './store.js';

const table = within(byId('instances'), 'table');
const columns = [
  'Instance',
  'State',
  'Version',
  'Address',
  'Weight',
  'Uptime',
  'Calls/s',
  'p99',
  'CPU',
  'Memory',
];

nameRoles(table);

/** @typedef {{ row: HTMLTableRowElement, cells: HTMLElement[], buttons: HTMLElement, state: string }} Row */
/** @typedef {{ body: HTMLTableSectionElement, count: HTMLElement, controls: HTMLElement, rows: Map<string, Row> }} Group */
/** @type {Map<string, Group>} */
const groups = new Map();

/** Shows all instances, service by service; what is unchanged stays as it is, and keeps the keyboard's focus. */
export function showInstances(/** @type {ShopView} */ shop) {
  for (const service of ['order', 'product', 'user']) {
    const instances = shop.instances.filter((one) => one.service === service);
    const group = groups.get(service) ?? addGroup(service, shop.controls);
    say(group.count, `${instances.length} instance${instances.length === 1 ? '' : 's'}`);
    group.controls.dataset.replicas = String(instances.filter(({ name }) => !name.includes('canary')).length);
    for (const [name, { row }] of group.rows) {
      if (instances.some((one) => one.name === name)) continue;
      row.remove();
      group.rows.delete(name);
    }
    for (const one of instances) {
      const row = group.rows.get(one.name) ?? addRow(group, one);
      showRow(row, one, shop.controls);
    }
  }
}

/** @param {string} service @param {boolean} controlled @returns {Group} */
function addGroup(service, controlled) {
  const count = html('span', { class: 'note' });
  const controls = html('span', { class: 'controls' });
  if (controlled) {
    controls.append(scaler(service, -1, controls), scaler(service, 1, controls));
  }
  const body = html('tbody', { role: 'rowgroup' });
  body.append(
    html(
      'tr',
      { role: 'row', class: 'group' },
      html(
        'th',
        { role: 'rowheader', scope: 'rowgroup', colspan: columns.length + 1 },
        service,
        ' ',
        count,
        ' ',
        controls,
      ),
    ),
  );
  table.append(body);
  const group = { body, count, controls, rows: new Map() };
  groups.set(service, group);
  return group;
}

/** @param {string} service @param {1 | -1} by @param {HTMLElement} controls */
function scaler(service, by, controls) {
  const more = by > 0;
  return button(
    more ? '+ more' : '− fewer',
    `${more ? 'One instance more' : 'One instance fewer'} of ${service}`,
    () => giveOrder('scale', { service, replicas: String(Number(controls.dataset.replicas) + by) }),
  );
}

/** @param {Group} group @param {InstanceView} instance @returns {Row} */
function addRow(group, { name }) {
  const cells = columns.map((column, n) =>
    n === 0
      ? html('th', { role: 'rowheader', scope: 'row', 'data-column': column }, name)
      : html('td', { role: 'cell', 'data-column': column }),
  );
  const buttons = html('td', { role: 'cell', class: 'controls' });
  const row = html('tr', { role: 'row', 'data-instance': name }, ...cells, buttons);
  group.body.append(row);
  const added = { row, cells, buttons, state: '' };
  group.rows.set(name, added);
  return added;
}

/** @param {Row} row @param {InstanceView} instance @param {boolean} controlled */
function showRow(row, instance, controlled) {
  const { name, state, by } = instance;
  const seen = calls(`instance|${name}`);
  const said = by.length > 0 ? `${words[state]} by ${by.join(', ')}` : words[state];
  if (row.state !== said) {
    const died = instance.deaths > 0 ? ` (died ${instance.deaths}×)` : '';
    row.cells[1]?.replaceChildren(signPicture(state), html('span', { class: 'word' }, said + died));
    setAll(row.row, { 'data-state': state });
    if (controlled) showButtons(row.buttons, name, state);
    row.state = said;
  }
  const values = [
    instance.version,
    instance.address,
    percent(instance.share),
    uptime(instance.since),
    seen.known ? rate(seen.rate) : '–',
    duration(seen.p99),
    cpu(state === 'dead' ? null : latest(`process|${name}|cpu`)),
    mebibytes(state === 'dead' ? null : latest(`process|${name}|memory`)),
  ];
  for (const [n, value] of values.entries()) {
    const cell = row.cells[n + 2];
    if (cell) say(cell, value);
  }
}

/** Changes what buttons say and do in place: the one that was pressed keeps the focus. */
function showButtons(
  /** @type {HTMLElement} */ place,
  /** @type {string} */ name,
  /** @type {string} */ state,
) {
  const wanted = [
    { label: 'Kill', order: 'kill' },
    state === 'drained' ? { label: 'Return', order: 'undrain' } : { label: 'Drain', order: 'drain' },
    state === 'paused' ? { label: 'Resume', order: 'resume' } : { label: 'Pause', order: 'pause' },
  ];
  for (const [n, { label, order }] of wanted.entries()) {
    let here = place.children[n];
    if (!here) {
      const made = button(label, '', () => giveOrder(made.dataset.order ?? '', { instance: name }));
      here = made;
      place.append(made);
    }
    say(here, label);
    setAll(here, { 'aria-label': `${label} ${name}`, 'data-order': order });
  }
}

/** @param {string} label @param {string} name for who doesn't see where it stands @param {() => Promise<string>} pressed */
function button(label, name, pressed) {
  const made = html('button', { type: 'button', 'aria-label': name || undefined }, label);
  made.addEventListener('click', async () => {
    if (made.getAttribute('aria-busy') === 'true') return;
    made.setAttribute('aria-busy', 'true');
    say(byId('order-answer'), await pressed());
    made.removeAttribute('aria-busy');
  });
  return made;
}
