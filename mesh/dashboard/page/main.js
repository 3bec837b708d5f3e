/** @import { Messages, ShopView } from '../messages.ts' */
import { showCharts } from './charts.js';
import { byId, say, within } from './dom.js';
import { showEdges } from './edges.js';
import { showFailures, showHappenings } from './failures.js';
import { explain, showGraph } from './graph.js';
import { showInstances } from './instances.js';
import { onSelection, showMethods } from './methods.js';
import { add, replace } from './store.js';
import { followTraces } from './traces.js';
import { showVerdict } from './verdict.js';

/** @type {ShopView | undefined} */
let shop;
let drawing = false;
let changed = false;

/** One after the other, each a task of its own: between them the browser answers keys and clicks. */
const views = [
  showVerdict,
  showInstances,
  (/** @type {ShopView} */ now) => {
    if (isSeen('graph')) showGraph(now);
  },
  showMethods,
  () => {
    if (within(document.body, 'details').hasAttribute('open')) showEdges();
  },
  showCharts,
];

/** Draws all that has changed, once for all messages that came together. */
async function draw() {
  changed = true;
  if (drawing || document.hidden) return;
  drawing = true;
  while (changed) {
    changed = false;
    await new Promise(requestAnimationFrame);
    for (const view of views) {
      if (shop) view(shop);
      await new Promise((resume) => setTimeout(resume));
    }
  }
  drawing = false;
}

/** @param {string} id */
function isSeen(id) {
  const { top, bottom } = byId(id).getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

/** @template {keyof Messages} Name @param {Name} name @param {(data: Messages[Name]) => void} take */
function on(name, take) {
  stream.addEventListener(name, (event) => take(JSON.parse(event.data)));
}

/** @param {boolean} live */
function connected(live) {
  const place = byId('connection');
  place.dataset.live = String(live);
  say(place, live ? '● live' : '✖ the launcher does not answer; what is shown is old');
}

const stream = new EventSource('/stream');
stream.addEventListener('open', () => connected(true));
stream.addEventListener('error', () => connected(false));
on('shop', (now) => {
  if (now.mesh !== shop?.mesh) explain(now.mesh);
  if (!shop) {
    if (now.traces) void followTraces();
    else say(byId('no-traces'), 'They go where OTEL_EXPORTER_OTLP_ENDPOINT says, and are not kept here.');
  }
  const first = !shop;
  shop = now;
  // A death waits for nothing else that is being drawn.
  showVerdict(now);
  showInstances(now);
  if (first) {
    showGraph(now);
    performance.mark('shown');
  }
  draw();
});
on('history', (history) => {
  replace(history);
  draw();
});
on('moment', (moment) => {
  add(moment);
  draw();
});
on('failures', showFailures);
on('happenings', showHappenings);
onSelection(showCharts);
document.addEventListener('visibilitychange', draw);
// What was out of sight is drawn when it comes into it.
document.addEventListener('scrollend', draw);
within(document.body, 'details').addEventListener('toggle', draw);
matchMedia('(max-width: 720px)').addEventListener('change', draw);
