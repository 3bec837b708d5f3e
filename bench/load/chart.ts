/** A line in a chart. */
export interface Series {
  readonly name: string;
  /** How it is drawn: a class of the page's style. */
  readonly style: string;
  /** A value for each place on the x axis; undefined: a gap. */
  readonly values: readonly (number | undefined)[];
}

/** A chart of values over time. */
export interface TimeChart {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
  /** The time of each value, in seconds. */
  readonly seconds: readonly number[];
  /** A logarithmic y axis, for values above 0. */
  readonly logarithmic?: boolean;
  /** Moments to mark. */
  readonly marks?: readonly { readonly second: number; readonly name: string }[];
}

/** Places a value on an axis: 0 to 100. */
type Scale = (value: number) => number;

const fix = (value: number): string => String(Math.round(value * 100) / 100);

/** Makes text harmless in HTML. */
export const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (char) => `&#${char.codePointAt(0)};`);

/**
 * A chart as HTML. The plot is an SVG that stretches with the page; the labels beside it are text that doesn't. The
 * page's script shows values under the pointer.
 */
export function timeChart({ title, unit, series, seconds, logarithmic, marks = [] }: TimeChart): string {
  const values = series.flatMap((one) => one.values.filter((value) => value !== undefined));
  const ticks = logarithmic ? logTicks(values) : linearTicks(Math.max(0, ...values));
  const y = logarithmic ? logScale(ticks) : linearScale(ticks);
  const end = Math.max(1, (seconds.at(-1) ?? 0) + 1);
  const x: Scale = (second) => ((second + 0.5) / end) * 100;
  const lines = series.map(
    (one) => `<path class="${one.style}" d="${path(one.values, seconds, x, (value) => 100 - y(value))}"/>`,
  );
  const marked = marks.filter(({ second }) => second >= 0 && second <= end);
  const markLines = marked.map(({ second, name }) => {
    const at = fix((second / end) * 100);
    return `<path class="mark" d="M${at} 0V100"><title>${escapeHtml(name)}</title></path>`;
  });
  const legend = series.map(
    ({ name, style }) =>
      `<li><svg viewBox="0 0 24 8" aria-hidden="true"><path class="${style}" d="M1 4H23"/></svg>${escapeHtml(name)} <b></b></li>`,
  );
  const data = { unit, seconds, values: series.map((one) => one.values.map((value) => value ?? null)) };
  return figure(
    title,
    unit,
    plot([...gridLines(ticks, y), ...markLines, ...lines].join(''), {
      y: ticks.map((tick) => ({ at: y(tick), text: short(tick) })),
      x: linearTicks(end, 6)
        .filter((tick) => tick <= end)
        .map((tick) => ({ at: (tick / end) * 100, text: `${short(tick)} s` })),
    }),
    `<ul class="legend">${legend.join('')}${marked.length > 0 ? '<li><svg viewBox="0 0 24 8" aria-hidden="true"><path class="mark" d="M12 0V8"/></svg>a process started anew</li>' : ''}</ul>`,
    ` data-chart="${escapeHtml(JSON.stringify(data))}"`,
  );
}

/** How often a method took how long, on a logarithmic x axis in milliseconds. */
export function histogramChart(
  title: string,
  buckets: readonly { readonly upToMs: number; readonly calls: number }[],
  marks: readonly { readonly name: string; readonly ms: number }[],
): string {
  const ticks = logTicks(buckets.map(({ upToMs }) => upToMs));
  const x = logScale(ticks);
  const most = Math.max(1, ...buckets.map(({ calls }) => calls));
  const width = Math.max(0.5, x((ticks[0] ?? 1) * 2 ** (1 / 6)) - 0.3);
  const bars = buckets.map(({ upToMs, calls }) => {
    const height = Math.max(1, (calls / most) * 96);
    const place = `x="${fix(x(upToMs) - width)}" y="${fix(100 - height)}" width="${fix(width)}" height="${fix(height)}"`;
    return `<rect class="bar" ${place}><title>up to ${upToMs} ms: ${calls} calls</title></rect>`;
  });
  const lines = marks.map(
    ({ name, ms }) =>
      `<path class="${name}" d="M${fix(x(ms))} 0V100"><title>${name}: ${ms} ms</title></path>`,
  );
  const legend = marks.map(
    ({ name, ms }) =>
      `<li><svg viewBox="0 0 24 8" aria-hidden="true"><path class="${name}" d="M1 4H23"/></svg>${name} <b>${short(ms)} ms</b></li>`,
  );
  const labels = ticks.filter((tick) => Number.isInteger(Math.log10(tick)));
  return figure(
    title,
    'calls by time taken',
    plot(bars.join('') + lines.join(''), {
      y: [],
      x: labels.map((tick) => ({
        at: x(tick),
        text: tick < 1_000 ? `${short(tick)} ms` : `${short(tick / 1_000)} s`,
      })),
    }),
    `<ul class="legend">${legend.join('')}</ul>`,
  );
}

interface Label {
  readonly at: number;
  readonly text: string;
}

const figure = (title: string, unit: string, body: string, legend: string, attributes = '') =>
  `<figure${attributes}><figcaption>${escapeHtml(title)} <small>${escapeHtml(unit)}</small></figcaption>${body}${legend}</figure>`;

function plot(
  content: string,
  { x, y }: { readonly x: readonly Label[]; readonly y: readonly Label[] },
): string {
  const beside = y.map(({ at, text }) => `<span style="bottom:${fix(at)}%">${text}</span>`).join('');
  const below = x.map(({ at, text }) => `<span style="left:${fix(at)}%">${text}</span>`).join('');
  const svg = `<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="presentation">${content}</svg>`;
  return `<div class="plot${y.length > 0 ? '' : ' bare'}"><div class="y">${beside}</div><div class="area">${svg}</div><div class="x">${below}</div></div>`;
}

const gridLines = (ticks: readonly number[], y: Scale): string[] =>
  ticks.map((tick) => `<path class="grid" d="M0 ${fix(100 - y(tick))}H100"/>`);

/** Lines between the values that are there. */
function path(values: Series['values'], seconds: readonly number[], x: Scale, y: Scale): string {
  let pen = 'M';
  return values
    .map((value, n) => {
      if (value === undefined) {
        pen = 'M';
        return '';
      }
      const point = `${pen}${fix(x(seconds[n] ?? n))} ${fix(y(value))}`;
      pen = 'L';
      return point;
    })
    .join('');
}

/** 0, and round numbers up to at least `most`. */
export function linearTicks(most: number, count = 4): number[] {
  if (!(most > 0)) return linearTicks(1, count);
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10);
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, n) =>
    Number((n * step).toPrecision(6)),
  );
}

const linearScale = (ticks: readonly number[]): Scale => {
  const most = ticks.at(-1) || 1;
  return (value) => (value / most) * 100;
};

/** Powers of ten, and three times those, around all values. */
export function logTicks(values: readonly number[]): number[] {
  const some = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(1_000, ...some)));
  const high = Math.ceil(Math.log10(Math.max(10 ** (low + 1), ...some)));
  const powers = Array.from({ length: high - low + 1 }, (_, n) => Number((10 ** (low + n)).toPrecision(6)));
  return powers.flatMap((power, n) =>
    n === powers.length - 1 ? [power] : [power, Number((3 * power).toPrecision(6))],
  );
}

const logScale = (ticks: readonly number[]): Scale => {
  const [low, high] = [Math.log10(ticks[0] ?? 1), Math.log10(ticks.at(-1) ?? 10)];
  return (value) =>
    Math.min(100, Math.max(0, ((Math.log10(Math.max(value, 1e-9)) - low) / (high - low)) * 100));
};

/** A number as a label. */
export const short = (value: number): string =>
  value >= 10_000 ? `${fix(value / 1_000)}k` : String(Number(value.toPrecision(3)));
