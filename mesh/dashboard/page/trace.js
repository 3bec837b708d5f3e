/** @import { SpanView } from '../messages.ts' */
import { byId, html, nameRoles, svg, within } from './dom.js';
import { duration, shortMethod } from './format.js';

const dialog = /** @type {HTMLDialogElement} */ (byId('trace'));
const body = within(byId('waterfall'), 'tbody');
const note = byId('trace-note');
nameRoles(byId('waterfall'));

/** Opens the waterfall of one trace. @param {string} traceId 32 hex digits */
export async function showTrace(traceId) {
  byId('trace-title').textContent = `Trace ${traceId}`;
  note.textContent = 'Looking it up …';
  body.replaceChildren();
  if (!dialog.open) dialog.showModal();
  const spans = await ask(traceId);
  if (spans.length === 0) {
    note.textContent =
      'Nothing was recorded of it. One trace in ten is kept, and each with a failure; and only the newest. Logs have all of them: look for the id.';
    return;
  }
  const start = Math.min(...spans.map(({ startMs }) => startMs));
  const end = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs));
  const failed = spans.filter((one) => one.failed).length;
  note.textContent = `${spans.length} spans, ${duration(end - start)}${failed > 0 ? `, ${failed} failed (✖)` : ''}.`;
  body.replaceChildren(...inOrder(spans).map(({ span, depth }) => rowOf(span, depth, start, end - start)));
}

/** @param {string} traceId @returns {Promise<SpanView[]>} */
async function ask(traceId) {
  try {
    return await (await fetch(`/traces/${traceId}`)).json();
  } catch {
    return [];
  }
}

/** Children after their parents, by their start. @param {SpanView[]} spans */
function inOrder(spans) {
  const known = new Set(spans.map(({ spanId }) => spanId));
  /** @type {{ span: SpanView, depth: number }[]} */
  const rows = [];
  /** @param {SpanView[]} some @param {number} depth */
  const add = (some, depth) => {
    for (const span of some.toSorted((a, b) => a.startMs - b.startMs)) {
      rows.push({ span, depth });
      add(
        spans.filter(({ parentSpanId }) => parentSpanId === span.spanId),
        depth + 1,
      );
    }
  };
  add(
    spans.filter(({ parentSpanId }) => !known.has(parentSpanId)),
    0,
  );
  return rows;
}

/** Envoy calls each of its spans `ingress`: which call it was is told by its attributes. @param {SpanView} span */
function nameOf({ name, attributes }) {
  const direction = attributes['souk.direction'];
  const path = attributes['grpc.path'] ?? attributes['http.url'];
  if (direction === undefined || path === undefined) return name.replace(/\bshop\.\w+\.v\d+\./, '');
  return `${direction === 'outbound' ? 'out' : 'in'}: ${shortMethod(String(path))}`;
}

/** @param {SpanView} span @param {number} depth @param {number} start @param {number} whole */
function rowOf(span, depth, start, whole) {
  const { service, instance, startMs, durationMs, failed, attributes } = span;
  const name = nameOf(span);
  const left = ((startMs - start) / (whole || 1)) * 100;
  const width = Math.max(0.4, (durationMs / (whole || 1)) * 100);
  const details = Object.entries(attributes).map(([key, value]) => `${key} = ${value}`);
  const what = html(
    'td',
    { class: 'what', role: 'cell', 'data-depth': Math.min(depth, 12) },
    html(
      'details',
      {},
      html('summary', {}, failed ? `✖ ${name}` : name),
      html('pre', {}, details.join('\n') || 'Nothing more is known.'),
    ),
  );
  return html(
    'tr',
    { role: 'row', 'data-level': failed ? 'bad' : 'ok' },
    html('th', { role: 'rowheader', scope: 'row' }, instance || service),
    what,
    html('td', { role: 'cell' }, duration(durationMs)),
    html(
      'td',
      { class: 'bar', role: 'cell' },
      svg(
        'svg',
        {
          viewBox: '0 0 100 10',
          preserveAspectRatio: 'none',
          role: 'img',
          'aria-label': `after ${duration(startMs - start)}`,
        },
        svg('rect', {
          x: Math.min(left, 99.6),
          y: 1,
          width,
          height: 8,
          'data-service': service.replace(/-sidecar$/, ''),
        }),
      ),
    ),
  );
}
