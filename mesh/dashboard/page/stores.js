/** @import { PartView } from '../messages.ts' */
/** @import { Box } from './layout.js' */
import { svg } from './dom.js';
import { cpu, duration, percent, rate } from './format.js';
import { box, shortest, text } from './shapes.js';
import { sign } from './signs.js';
import { calls, latest, names } from './store.js';

const services = ['order', 'product', 'user'];

/** Half a box's width, and where its top is, from its centre. @param {Box | undefined} at */
function corner(at) {
  return /** @type {const} */ ([(at?.w ?? 0) / 2, -(at?.h ?? 0) / 2]);
}

/** PostgreSQL: its servers, and what each service asks of it. @param {Box | undefined} at @param {PartView[]} parts */
export function postgresBox(at, parts) {
  const roles = ['primary', 'standby'];
  const [half, top] = corner(at);
  const down = parts.some(({ up }) => !up);
  const behind = parts.some(({ synchronous }) => synchronous === false);
  return box(
    'postgres',
    at,
    [
      text(0, top + 22, 'PostgreSQL', 'title'),
      ...parts.map((part, n) =>
        serverRow(half, top + 42 + n * 18, part, (parts.length > 1 && roles[n]) || 'server'),
      ),
      ...services.flatMap((name, n) =>
        storeRow(`database|${name}`, name, half, top + 50 + parts.length * 18 + n * 38),
      ),
    ],
    down ? 'bad' : behind ? 'warn' : 'ok',
  );
}

/**
 * A server's sign, and how it is.
 *
 * @param {number} half of the box's width
 * @param {number} y
 * @param {PartView} part
 * @param {string} name
 * @param {string} [about] what is said of it while it is well
 */
function serverRow(half, y, { name: process, up, synchronous = true }, name, about = name) {
  const well = `${about} · CPU ${cpu(latest(`process|${process}|cpu`))}`;
  return svg(
    'g',
    { transform: `translate(${-half + 18} ${y})` },
    // While the standby catches up there is one server to trust.
    sign(!up ? 'dead' : synchronous ? 'serving' : 'starting'),
    text(14, 4, !up ? `${name} is down` : synchronous ? well : `${name} catches up`, 'left'),
  );
}

/** Events: the broker, if there is one, and how far each consumer is. @param {Box | undefined} at @param {PartView | undefined} broker */
export function queuesBox(at, broker) {
  const [half, top] = corner(at);
  const pairs = names(/^lag\|.*\|events$/).map((name) => name.split('|')[1] ?? '');
  const lagOf = (/** @type {string} */ pair) => latest(`lag|${pair}|events`) ?? 0;
  // The broker reads all events as a consumer does, and hands them on.
  const isToBroker = (/** @type {string} */ pair) => pair.endsWith('>nats');
  const consumers = pairs.filter((pair) => !isToBroker(pair));
  const unsent = pairs.filter(isToBroker).reduce((sum, pair) => sum + lagOf(pair), 0);
  return box(
    'queues',
    at,
    [
      text(0, top + 22, broker ? 'Events, by NATS' : 'Event queues', 'title'),
      ...(broker ? [serverRow(half, top + 42, broker, 'NATS', `${unsent} to send`)] : []),
      ...consumers.flatMap((pair, n) =>
        storeRow(
          `event|${pair}`,
          pair.replace('>', ' → '),
          half,
          top + (broker ? 68 : 50) + n * 42,
          `lag ${lagOf(pair)}`,
        ),
      ),
    ],
    broker?.up === false ? 'bad' : 'ok',
  );
}

/**
 * What goes over a line to a store, said within the store's box.
 *
 * @param {string} subject
 * @param {string} name
 * @param {number} half of the box's width
 * @param {number} y
 * @param {string} [more]
 */
function storeRow(subject, name, half, y, more = '') {
  const seen = calls(subject);
  const side = half - 10;
  const times =
    seen.p50 === null ? '' : `${shortest(seen.p50)} / ${shortest(seen.p95)} / ${duration(seen.p99)}`;
  return [
    text(-side, y, name, 'left strong'),
    text(side, y, `${rate(seen.rate)}/s`, 'right'),
    text(-side, y + 15, times, 'left'),
    seen.failed > 0
      ? text(side, y + 15, `${percent(seen.success)} ok`, 'right trouble')
      : text(side, y + 15, more, 'right'),
  ];
}
