/** @import { Messages, ShopView } from '../messages.ts' */
import { showCharts } from './charts.js';
import { byId, say } from './dom.js';
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
let drawing = 0;

/** Draws all that has changed, once for all messages that came together. */
function draw() {
  if (drawing || document.hidden) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    if (!shop) return;
    showVerdict(shop);
    showGraph(shop);
    showInstances(shop);
    showMethods();
    showEdges();
    showCharts();
  });
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
  shop = now;
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
matchMedia('(max-width: 720px)').addEventListener('change', draw);
