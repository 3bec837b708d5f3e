import uPlot from '/uplot.js';
import { html, say } from './dom.js';
import { clock } from './format.js';
import { row, times } from './store.js';

/** @typedef {{ label: string, series: string, colour: number, dash?: number[], fill?: boolean }} Line */
/**
 * What a chart shows. `lines` is asked each time: processes and methods come and go.
 *
 * @typedef {{ title: string, lines: () => Line[], format: (value: number | null) => string, log?: boolean, steps?: number[] }} ChartOptions
 */

const height = 150;
/** Told apart in colour and, as there are more lines than colours that everybody sees, in form. */
const dashes = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

/** The nth of many lines: each has another colour, then another form. @param {number} n */
export const nth = (n) => ({ colour: n % 6, dash: dashes[Math.floor(n / 6) % dashes.length] ?? [] });

/** How much of the past is shown, in seconds. */
let span = 300;
/** @param {number} minutes */
export const showMinutes = (minutes) => {
  span = minutes * 60;
};

/** @param {number} seconds since the epoch */
const clockOf = (seconds) => clock(seconds * 1000).replace(/:00$/, '');

/** A colour of the style sheet. @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * A chart with its legend, which tells the newest values; it draws only while it can be seen.
 *
 * @param {HTMLElement} place
 * @param {ChartOptions} options
 * @returns {{ show(): void, restyle(): void }}
 */
export function createChart(place, { title, lines, format, log = false, steps }) {
  const canvas = html('div', { class: 'canvas', role: 'img', 'aria-label': title });
  const legend = html('ul', { class: 'legend' });
  const caption = html('figcaption', {}, title);
  const figure = html('figure', {}, caption, canvas, legend);
  place.append(figure);

  let visible = false;
  let shape = '';
  /** @type {uPlot | undefined} */
  let chart;
  /** @type {HTMLElement[]} */
  let numbers = [];

  const resize = () => chart?.setSize({ width: canvas.clientWidth, height });
  new ResizeObserver(resize).observe(canvas);
  new IntersectionObserver(([entry]) => {
    visible = entry?.isIntersecting ?? false;
    if (visible) show();
  }).observe(figure);

  /** @param {Line[]} wanted */
  const build = (wanted) => {
    chart?.destroy();
    numbers = wanted.map(() => html('b'));
    legend.replaceChildren(
      ...wanted.map(({ label, colour, dash = [] }, n) =>
        html(
          'li',
          { 'data-colour': colour, 'data-dash': dash.length },
          html('i'),
          label,
          ' ',
          numbers[n] ?? '',
        ),
      ),
    );
    const grid = { stroke: colour('--grid'), width: 1 };
    const axis = { stroke: colour('--quiet'), grid, ticks: grid, font: '11px system-ui' };
    chart = new uPlot(
      {
        width: canvas.clientWidth || 300,
        height,
        legend: { show: false },
        cursor: { y: false, points: { size: 5 } },
        scales: {
          x: { range: () => [(times.at(-1) ?? 0) - span, times.at(-1) ?? 1] },
          y: log
            ? { distr: 3, range: (_, low, high) => [Math.min(1, low || 1), Math.max(10, high || 10) * 1.3] }
            : { range: (_, __, high) => [0, high ? high * 1.1 : 1] },
        },
        axes: [
          { ...axis, space: 48, size: 24, values: (_, ticks) => ticks.map(clockOf) },
          {
            ...axis,
            size: 58,
            ...(steps ? { incrs: steps } : {}),
            space: 28,
            values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : format(tick))),
          },
        ],
        series: [
          {},
          ...wanted.map(({ label, colour: n, dash = [], fill }) => ({
            label,
            stroke: colour(`--line-${n}`),
            width: 1.75,
            dash,
            ...(fill ? { fill: `${colour(`--line-${n}`)}22` } : {}),
            points: { show: false },
          })),
        ],
        hooks: { setCursor: [(self) => tell(wanted, self.cursor.idx ?? undefined)] },
      },
      data(wanted),
      canvas,
    );
  };
  let first = 0;
  /** @param {Line[]} wanted @returns {uPlot.AlignedData} */
  const data = (wanted) => {
    const oldest = (times.at(-1) ?? 0) - span;
    first = times.findIndex((time) => time >= oldest);
    return [times.slice(first), ...wanted.map(({ series }) => row(series).slice(first))];
  };
  /** @param {Line[]} wanted @param {number} [at] */
  const tell = (wanted, at) => {
    for (const [n, { series }] of wanted.entries()) {
      const values = row(series);
      const number = numbers[n];
      if (number) say(number, format((at === undefined ? values.at(-1) : values[first + at]) ?? null));
    }
  };
  const show = () => {
    if (!visible) return;
    const wanted = lines();
    const wantedShape = JSON.stringify(wanted);
    if (wantedShape !== shape) build(wanted);
    else chart?.setData(data(wanted));
    shape = wantedShape;
    if (chart?.cursor.idx === undefined || chart.cursor.idx === null || (chart.cursor.left ?? -1) < 0)
      tell(wanted);
    const said = [...legend.children].map(({ textContent }) => textContent).join(', ');
    canvas.setAttribute('aria-label', `${title}: ${said || 'nothing yet'}`);
  };
  return {
    show,
    restyle() {
      shape = '';
      show();
    },
  };
}
