/** @import { InstanceView, PartView, ShopView } from '../messages.ts' */
/** @import { Box, Layout } from './layout.js' */
import { byId, html, setAll, svg } from './dom.js';
import { cpu, duration, percent, rate } from './format.js';
import { narrow, wide } from './layout.js';
import { failing, levelOf, retried, slow, worst } from './levels.js';
import { box, shortest, text } from './shapes.js';
import { sign, signPicture, words } from './signs.js';
import { calls, latest } from './store.js';
import { postgresBox, queuesBox } from './stores.js';

const screen = matchMedia('(max-width: 720px)');
const picture = svg('svg', {
  role: 'img',
  'aria-label': 'The mesh as a graph; the table below says the same.',
});
byId('graph').append(picture);

const services = ['order', 'product', 'user'];

/** Draws the mesh as it is now. @param {ShopView} shop */
export function showGraph(shop) {
  const layout = screen.matches ? narrow : wide;
  const { size, boxes } = layout;
  setAll(picture, { viewBox: `0 0 ${size[0]} ${size[1]}` });
  const gateway = shop.parts.find(({ kind }) => kind === 'gateway');
  const labels = svg('g');
  picture.replaceChildren(
    ...Object.values(layout.stores).map((d) => svg('path', { d, class: 'store-line' })),
    ...(shop.mesh === 'none' ? [] : lines(layout, labels)),
    box('clients', boxes.clients, [text(0, 5, 'clients', 'title')], 'plain'),
    ...(gateway ? [gatewayBox(boxes.gateway, gateway)] : []),
    ...services.map((name) => serviceBox(name, boxes[name], shop)),
    postgresBox(
      boxes.postgres,
      shop.parts.filter(({ kind }) => kind === 'postgres'),
    ),
    queuesBox(
      boxes.queues,
      shop.parts.find(({ kind }) => kind === 'nats'),
    ),
    labels,
  );
}

/** @param {Layout} layout @param {SVGElement} labels */
function lines({ lines }, labels) {
  return Object.entries(lines).map(([name, { path, label }]) => {
    const seen = calls(`edge|${name}`);
    const idle = seen.rate < 0.05 && seen.open === 0 && seen.ejected === 0;
    const level = worst(
      failing(seen),
      slow(seen),
      retried(seen),
      seen.open + seen.ejected > 0 ? 'warn' : 'ok',
    );
    const failed = failing(seen) !== 'ok';
    const width = 1.5 + Math.min(6, Math.log2(1 + seen.rate) * 0.7);
    if (!idle) labels.append(edgeLabel(label, seen, level));
    return svg(
      'g',
      { class: `edge ${idle ? 'idle' : level} ${failed ? 'failing' : slow(seen) !== 'ok' ? 'slow' : ''}` },
      svg('path', { d: path, 'stroke-width': width }),
      // Failing edges are double lines.
      ...(failed ? [svg('path', { d: path, 'stroke-width': Math.max(1, width - 3), class: 'core' })] : []),
    );
  });
}

/**
 * @param {[number, number]} place
 * @param {ReturnType<typeof calls>} seen
 * @param {string} level
 */
function edgeLabel([x, y], seen, level) {
  const trouble = [
    seen.retries > 0.05 ? `↻ ${rate(seen.retries)}/s` : '',
    seen.ejected > 0 ? `▲ ${seen.ejected} ejected` : '',
    seen.open > 0 ? '⊘ circuit open' : '',
  ].filter(Boolean);
  const rows = [
    `${rate(seen.rate)}/s · ${percent(seen.success)}`,
    seen.p50 === null ? '' : `${shortest(seen.p50)} / ${shortest(seen.p95)} / ${duration(seen.p99)}`,
    trouble.join(' '),
  ].filter(Boolean);
  const width = Math.max(...rows.map((row) => row.length)) * 6.5 + 12;
  const height = rows.length * 14 + 6;
  return svg(
    'g',
    { class: `label ${level}`, transform: `translate(${x} ${y})` },
    svg('rect', { x: -width / 2, y: -height / 2, width, height, rx: 4 }),
    ...rows.map((row, n) =>
      text(
        0,
        -height / 2 + 14 + n * 14,
        row,
        n === 0 ? 'strong' : n === 2 || trouble.includes(row) ? 'trouble' : '',
      ),
    ),
  );
}

/** @param {string} name @param {Box | undefined} at @param {ShopView} shop */
function serviceBox(name, at, shop) {
  const seen = calls(`service|${name}`);
  const instances = shop.instances.filter(({ service }) => service === name);
  const serving = instances.filter(({ state }) => state === 'serving').length;
  const level = worst(
    failing(seen),
    slow(seen),
    serving === 0 ? 'bad' : instances.some(({ state }) => levelOf[state] === 'bad') ? 'bad' : 'ok',
    instances.some(({ state }) => state !== 'serving' && state !== 'drained') ? 'warn' : 'ok',
  );
  const gap = Math.min(36, 170 / instances.length);
  const first = (-(instances.length - 1) * gap) / 2;
  return box(
    name,
    at,
    [
      text(0, -28, name, 'title'),
      text(0, -10, seen.rate > 0.05 ? `${rate(seen.rate)}/s · p99 ${duration(seen.p99)}` : 'no calls'),
      ...instances.map((instance, n) => instanceSign(instance, first + n * gap)),
    ],
    level,
  );
}

/** @param {InstanceView} instance @param {number} x */
function instanceSign({ name, state }, x) {
  return svg(
    'g',
    { transform: `translate(${x} 13)` },
    svg('title', {}, `${name} is ${words[state]}`),
    sign(state),
    text(0, 25, name.replace(/^[^-]*-/, '').replace('canary-', 'c'), 'small'),
  );
}

/** @param {Box | undefined} at @param {PartView} part */
function gatewayBox(at, { up }) {
  const use = latest('process|gateway|cpu');
  return box(
    'gateway',
    at,
    [
      text(0, -14, 'gateway', 'title'),
      svg('g', { transform: 'translate(0 4)' }, sign(up ? 'serving' : 'dead')),
      text(0, 28, up ? `Envoy · CPU ${cpu(use)}` : 'down', 'small'),
    ],
    up ? 'ok' : 'bad',
  );
}

/** What the signs mean, and what can't be known. @param {ShopView['mesh']} mesh */
export function explain(mesh) {
  const note = {
    sidecars: 'On each line: calls a second, how many succeed, and p50 / p95 / p99.',
    gateway:
      'One Envoy takes all calls. Those of services are counted with those of clients: which service called is not known.',
    none: 'Without a mesh nobody stands between callers and services: lines, retries, ejections and failures before a service are not known.',
  };
  byId('graph-note').textContent = note[mesh];
  byId('mesh-mode').textContent = { sidecars: 'a sidecar each', gateway: 'one gateway', none: 'no mesh' }[
    mesh
  ];
  const states = /** @type {(keyof typeof words)[]} */ (Object.keys(words));
  byId('graph-key').replaceChildren(
    ...states.map((state) => html('li', {}, signPicture(state), words[state])),
    html('li', {}, lineKey('ok'), 'well'),
    html('li', {}, lineKey('warn slow'), 'slow'),
    html('li', {}, lineKey('bad failing'), 'failing'),
    html('li', {}, '↻ retries'),
  );
}

/** @param {string} kind */
function lineKey(kind) {
  return svg(
    'svg',
    { viewBox: '0 0 30 12', class: 'line-key', 'aria-hidden': 'true' },
    svg(
      'g',
      { class: `edge ${kind}` },
      svg('path', { d: 'M0 6H30', 'stroke-width': 5 }),
      ...(kind.includes('failing') ? [svg('path', { d: 'M0 6H30', 'stroke-width': 2, class: 'core' })] : []),
    ),
  );
}
