/** @import { ShopView } from '../messages.ts' */
/** @import { Level } from './levels.js' */
import { byId, html, say } from './dom.js';
import { duration, percent, rate } from './format.js';
import { failing, levelOf, retried, slow, worst } from './levels.js';
import { levelPicture, words } from './signs.js';
import { calls } from './store.js';

/** @typedef {{ level: Level, value: string, detail: string }} Finding */

/** The four questions of a person under stress, in this order. */
const questions = { slow: 'Slow', failing: 'Failing', retried: 'Retried', dead: 'Dead' };

const tiles = Object.entries(questions).map(([name, title]) => {
  const picture = html('span', { class: 'sign-place' });
  const value = html('strong');
  const detail = html('span', { class: 'detail' });
  const tile = html(
    'div',
    { class: 'tile', id: `verdict-${name}` },
    picture,
    html('h2', {}, title),
    value,
    detail,
  );
  byId('verdict').append(tile);
  return { name, tile, picture, value, detail, level: '' };
});

const services = ['order', 'product', 'user'];
let announced = '';
let announcedAt = 0;

/** Answers the four questions. @param {ShopView} shop */
export function showVerdict(shop) {
  const seen = services.map((name) => ({ name, ...calls(`service|${name}`) }));
  const edge = calls('edge|clients>gateway');
  const all = edge.known
    ? edge
    : { ...edge, rate: sum(seen, 'rate'), failed: sum(seen, 'failed'), refused: sum(seen, 'refused') };
  /** @type {Record<string, Finding>} */
  const findings = {
    slow: slowest(seen),
    failing: {
      level: failing(all),
      value: all.failed > 0 ? `${rate(all.failed)}/s` : 'none',
      detail:
        all.rate > 0
          ? `${percent(1 - all.failed / all.rate)} of ${rate(all.rate)} calls/s succeed`
          : 'no calls',
    },
    retried: retriesOf(seen, shop),
    dead: deadIn(shop),
  };
  for (const one of tiles) {
    const { level, value, detail } = /** @type {Finding} */ (findings[one.name]);
    if (one.level !== level) one.picture.replaceChildren(levelPicture(level));
    one.level = level;
    one.tile.dataset.level = level;
    say(one.value, value);
    say(one.detail, detail);
  }
  announce(findings);
}

/** @param {(ReturnType<typeof calls> & { name: string })[]} seen @returns {Finding} */
function slowest(seen) {
  const [first] = seen.filter(({ p99 }) => p99 !== null).sort((a, b) => (b.p99 ?? 0) - (a.p99 ?? 0));
  if (!first) return { level: 'ok', value: 'nothing', detail: 'no calls' };
  return {
    level: slow(first),
    value: duration(first.p99),
    detail: `p99 of ${first.name}; half take ${duration(first.p50)} or less`,
  };
}

/** @param {(ReturnType<typeof calls> & { name: string })[]} seen @param {ShopView} shop @returns {Finding} */
function retriesOf(seen, shop) {
  if (shop.mesh === 'none') return { level: 'ok', value: 'not known', detail: 'no mesh retries here' };
  const retries = sum(seen, 'retries');
  const open = sum(seen, 'open');
  const ejected = shop.instances.filter(({ state }) => state === 'ejected').map(({ name }) => name);
  // Those that are also paused, or dead, are told by that.
  const others = sum(seen, 'ejected') - ejected.length;
  return {
    level: worst(
      retried({ retries, rate: sum(seen, 'rate') }),
      open > 0 ? 'bad' : 'ok',
      ejected.length > 0 || others > 0 ? 'warn' : 'ok',
    ),
    value: retries > 0 ? `${rate(retries)}/s` : 'none',
    detail: [
      ejected.length > 0
        ? `ejected: ${ejected.join(', ')}`
        : others > 0
          ? `${others} ejected`
          : 'none ejected',
      open > 0 ? `open circuits: ${open}` : 'no circuit open',
    ].join(', '),
  };
}

/** @param {ShopView} shop @returns {Finding} */
function deadIn({ instances, parts }) {
  const down = parts.filter(({ up }) => !up);
  const sick = instances.filter(
    ({ state }) => state !== 'serving' && state !== 'drained' && state !== 'ejected',
  );
  const drained = instances.filter(({ state }) => state === 'drained');
  const level = worst(...sick.map(({ state }) => levelOf[state]), down.length > 0 ? 'bad' : 'ok');
  const all = [
    ...down.map(({ name }) => `${name} is down`),
    ...[...sick, ...drained].map(({ name, state }) => `${name} is ${words[state]}`),
  ];
  return {
    level,
    value: sick.length + down.length > 0 ? String(sick.length + down.length) : 'none',
    detail: all.length > 0 ? all.join(', ') : `${instances.length} instances serve`,
  };
}

/** Tells who doesn't see the page, not more than once in five seconds. @param {Record<string, Finding>} findings */
function announce(findings) {
  const wrong = Object.entries(findings).filter(([, { level }]) => level !== 'ok');
  const kinds = wrong.map(([name, { level }]) => name + level).join() + findings.dead?.detail;
  if (kinds === announced || Date.now() - announcedAt < 5_000) return;
  announced = kinds;
  announcedAt = Date.now();
  const title = (/** @type {string} */ name) => questions[/** @type {keyof typeof questions} */ (name)];
  say(
    byId('announcement'),
    wrong.length === 0
      ? 'All is well.'
      : wrong.map(([name, { value, detail }]) => `${title(name)}: ${value}, ${detail}.`).join(' '),
  );
}

/**
 * @param {ReturnType<typeof calls>[]} all
 * @param {'rate' | 'failed' | 'refused' | 'retries' | 'open' | 'ejected'} of
 */
function sum(all, of) {
  return all.reduce((total, one) => total + one[of], 0);
}
