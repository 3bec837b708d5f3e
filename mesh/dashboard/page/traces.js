/** @import { TraceSummary } from '../messages.ts' */
import { byId, html, onChoice, within } from './dom.js';
import { traceButton } from './failures.js';
import { clock, duration } from './format.js';

const body = within(byId('traces'), 'tbody');
const everyMs = 3_000;
let order = 'slow';
/** @type {TraceSummary[]} */
let known = [];

/** Lists the traces of late, and goes on to. */
export async function followTraces() {
  if (!document.hidden) {
    try {
      known = withoutStreams(await (await fetch('/traces')).json());
      show();
    } catch {
      // The launcher is away, which the page says already.
    }
  }
  setTimeout(followTraces, everyMs);
}

/** A stream is as long as somebody listens, and no slow call. @param {TraceSummary[]} traces */
const withoutStreams = (traces) =>
  traces.filter(({ name }) => !/FollowEvents|WatchOrder|grpc\.health/.test(name));

function show() {
  // Reading and pressing need rows that stay where they are.
  if (body.contains(document.activeElement) || body.matches(':hover')) return;
  const by = {
    slow: (/** @type {TraceSummary} */ one) => one.durationMs,
    new: (/** @type {TraceSummary} */ one) => one.startMs,
  };
  const value = order === 'slow' ? by.slow : by.new;
  body.replaceChildren(
    ...known
      .toSorted((a, b) => value(b) - value(a))
      .slice(0, 50)
      .map(({ traceId, name, startMs, durationMs, spans, failed }) =>
        html(
          'tr',
          { 'data-level': failed ? 'bad' : 'ok' },
          html('td', {}, clock(startMs)),
          html('td', { title: name, class: 'wrong' }, (failed ? '✖ ' : '') + name.replace(/^.*\//, '')),
          html('td', {}, duration(durationMs)),
          html('td', {}, String(spans)),
          html('td', {}, traceButton(traceId)),
        ),
      ),
  );
}

onChoice('trace-order', (value) => {
  order = value;
  show();
});
