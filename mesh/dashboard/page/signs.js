/** @import { InstanceState } from '../messages.ts' */
/** @import { Level } from './levels.js' */
import { svg } from './dom.js';

/** What each state of an instance looks like, within a square from -8 to 8: told apart without colours too. */
/** @type {Record<InstanceState, () => SVGElement[]>} */
const shapes = {
  serving: () => [svg('circle', { r: 6 })],
  starting: () => [svg('circle', { r: 5.5, class: 'hollow dashed' })],
  restarting: () => [
    svg('circle', { r: 7.5, class: 'dashed ring' }),
    svg('path', { d: 'M-3.5-3.5 3.5 3.5M3.5-3.5-3.5 3.5', class: 'stroke' }),
  ],
  drained: () => [svg('rect', { x: -5.5, y: -5.5, width: 11, height: 11, class: 'hollow' })],
  paused: () => [
    svg('rect', { x: -6, y: -6.5, width: 4.5, height: 13 }),
    svg('rect', { x: 1.5, y: -6.5, width: 4.5, height: 13 }),
  ],
  ejected: () => [svg('path', { d: 'M0-7 7.500 6H-7.500Z' })],
  unhealthy: () => [svg('path', { d: 'M0-8 7 0 0 8-7 0Z' })],
  dead: () => [svg('path', { d: 'M-6-6 6 6M6-6-6 6', class: 'stroke' })],
};

/** The words for it. @type {Record<InstanceState, string>} */
export const words = {
  serving: 'serving',
  starting: 'starting',
  restarting: 'restarting',
  drained: 'drained',
  paused: 'paused',
  ejected: 'ejected',
  unhealthy: 'unhealthy',
  dead: 'dead',
};

/** A group of SVG with the sign of a state. @param {InstanceState} state */
export function sign(state) {
  return svg('g', { class: `sign ${state}` }, ...shapes[state]());
}

/** The same as a picture in a text. @param {InstanceState} state */
export function signPicture(state) {
  return svg('svg', { viewBox: '-9 -9 18 18', class: 'picture', 'aria-hidden': 'true' }, sign(state));
}

/** How things are: a tick, a triangle, an octagon with a cross. @param {Level} level */
export function levelPicture(level) {
  const parts = {
    ok: [svg('path', { d: 'M-6 0-2 5 6-5', class: 'stroke' })],
    warn: [
      svg('path', { d: 'M0-8 8.500 7H-8.500Z' }),
      svg('path', { d: 'M0-3V2M0 3.500V5.500', class: 'mark' }),
    ],
    bad: [
      svg('path', { d: 'M-3.500-8.500H3.500L8.500-3.500V3.500L3.500 8.500H-3.500L-8.500 3.500V-3.500Z' }),
      svg('path', { d: 'M-3.500-3.500 3.500 3.500M3.500-3.500-3.500 3.500', class: 'mark' }),
    ],
  }[level];
  return svg(
    'svg',
    { viewBox: '-9.500 -9.500 19 19', class: `picture level ${level}`, 'aria-hidden': 'true' },
    ...parts,
  );
}
