/** @import { Box } from './layout.js' */
import { svg } from './dom.js';
import { duration } from './format.js';

/**
 * A box of the graph with what is drawn in it, from its centre.
 *
 * @param {string} name
 * @param {Box | undefined} at
 * @param {SVGElement[]} content
 * @param {string} level
 */
export function box(name, at, content, level) {
  const { x, y, w, h } = at ?? { x: 0, y: 0, w: 0, h: 0 };
  return svg(
    'g',
    { class: `box ${level}`, transform: `translate(${x} ${y})`, 'data-name': name },
    svg('rect', { x: -w / 2, y: -h / 2, width: w, height: h, rx: name === 'clients' ? 24 : 10 }),
    ...content,
  );
}

/** A line of text. @param {number} x @param {number} y @param {string} words @param {string} [kind] */
export function text(x, y, words, kind = '') {
  return svg('text', { x, y, class: kind }, words);
}

/** A time without its unit where that is milliseconds: the last of three says it. @param {number | null} ms */
export function shortest(ms) {
  return duration(ms).replace(' ms', '');
}
