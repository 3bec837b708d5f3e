/** The report's style. Lines differ in form too: nobody needs colours to tell them apart. */
export const pageStyle = `
:root { color-scheme: light dark; --back: #fff; --panel: #f6f7f9; --text: #14181f; --soft: #5a6472; --rule: #dfe3e8;
  --blue: #0b62c4; --sky: #4fa3e0; --orange: #c2570c; --red: #c01c28; --green: #1a7f4b; }
@media (prefers-color-scheme: dark) { :root { --back: #12161c; --panel: #1a2029; --text: #e8ecf1; --soft: #9aa5b3;
  --rule: #2c3440; --blue: #6cb2ff; --sky: #3d7fb8; --orange: #f0954a; --red: #ff6b70; --green: #4cc38a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 24px 20px 48px; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0; line-height: 1.25; } h2 { font-size: 17px; margin: 36px 0 12px; }
p { margin: 4px 0; } small, .soft { color: var(--soft); font-weight: 400; }
.verdict { display: inline-block; padding: 3px 12px; border-radius: 99px; color: var(--back); font-weight: 650;
  background: var(--green); } .verdict.failed { background: var(--red); }
header { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(122px, 1fr)); gap: 10px; margin: 20px 0 0; }
.tiles div, figure { background: var(--panel); border: 1px solid var(--rule); border-radius: 10px; padding: 12px 13px; }
.tiles b { display: block; font-size: 21px; white-space: nowrap; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tiles .bad b { color: var(--red); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 470px), 1fr)); gap: 14px; }
.charts.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 270px), 1fr)); }
figure { margin: 0; min-width: 0; } figcaption { font-weight: 600; margin-bottom: 8px; }
.plot { display: grid; grid-template: 190px 20px / 44px 1fr; } .plot.bare { grid-template: 110px 20px / 0 1fr; }
.y, .x { position: relative; color: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.y span { position: absolute; right: 8px; transform: translateY(50%); white-space: nowrap; }
.x { grid-column: 2; } .x span { position: absolute; top: 3px; transform: translateX(-50%); white-space: nowrap; }
.x span:first-child { transform: none; } .x span[style="left:100%"] { transform: translateX(-100%); }
.area svg { width: 100%; height: 100%; display: block; overflow: visible; }
path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke: var(--soft); }
.grid { stroke: var(--rule); stroke-width: 1; } .cursor { stroke: var(--soft); stroke-width: 1; }
.mark { stroke: var(--orange); stroke-dasharray: 2 3; }
.p50 { stroke: var(--sky); } .p90 { stroke: var(--blue); stroke-dasharray: 6 4; stroke-width: 1.5; }
.p99 { stroke: var(--blue); stroke-width: 2.5; } .max { stroke: var(--soft); stroke-dasharray: 1.5 3.5; stroke-width: 1.5; }
.intended { stroke: var(--soft); stroke-dasharray: 6 4; stroke-width: 1.5; } .due { stroke: var(--sky); }
.answered { stroke: var(--blue); } .failed-line { stroke: var(--red); stroke-width: 2.5; }
.own { stroke: var(--orange); } .bar { fill: var(--sky); opacity: .5; }
.legend { list-style: none; margin: 8px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px;
  color: var(--soft); min-height: 20px; }
.legend svg { width: 24px; height: 8px; vertical-align: middle; margin-right: 5px; }
.legend b { color: var(--text); font-variant-numeric: tabular-nums; }
.table { overflow-x: auto; border: 1px solid var(--rule); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 6px 11px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th { color: var(--soft); font-weight: 600; background: var(--panel); } tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--back); }
th:first-child { background: var(--panel); } td.text { text-align: left; white-space: normal; }
.bad { color: var(--red); font-weight: 600; } .good { color: var(--green); } tr.sum td { font-weight: 600; }
ul.plain { margin: 0; padding-left: 20px; overflow-wrap: anywhere; }
@media (max-width: 480px) { body { padding: 16px 12px 32px; } .tiles { grid-template-columns: 1fr 1fr; } }
`;

/** Shows the values under the pointer in a chart's legend. */
export const pageScript = `
for (const figure of document.querySelectorAll('figure[data-chart]')) {
  const { unit, seconds, values } = JSON.parse(figure.dataset.chart);
  const area = figure.querySelector('.area'), svg = area.querySelector('svg');
  const shown = figure.querySelectorAll('.legend b');
  const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  cursor.setAttribute('class', 'cursor');
  area.addEventListener('pointermove', (event) => {
    const { left, width } = area.getBoundingClientRect();
    const n = Math.max(0, Math.min(seconds.length - 1, Math.floor(((event.clientX - left) / width) * seconds.length)));
    const x = ((n + 0.5) / seconds.length) * 100;
    cursor.setAttribute('d', 'M' + x + ' 0V100');
    svg.append(cursor);
    shown.forEach((one, line) => {
      const value = values[line][n];
      one.textContent = value === null ? '–' : Number(value.toPrecision(3)) + ' ' + unit;
    });
    figure.querySelector('figcaption small').textContent = 'second ' + seconds[n];
  });
  area.addEventListener('pointerleave', () => {
    cursor.remove();
    for (const one of shown) one.textContent = '';
    figure.querySelector('figcaption small').textContent = unit;
  });
}
`;
