/** @typedef {{ x: number, y: number, w: number, h: number }} Box by its centre */
/** @typedef {{ path: string, label: [x: number, y: number] }} Line */
/** @typedef {{ size: [w: number, h: number], boxes: Record<string, Box>, lines: Record<string, Line>, stores: Record<string, string> }} Layout */

/** From left to right. @type {Layout} */
export const wide = {
  size: [1240, 490],
  boxes: {
    clients: { x: 50, y: 245, w: 84, h: 48 },
    gateway: { x: 282, y: 245, w: 124, h: 76 },
    order: { x: 572, y: 245, w: 190, h: 100 },
    product: { x: 880, y: 70, w: 190, h: 100 },
    user: { x: 880, y: 420, w: 190, h: 100 },
    postgres: { x: 1143, y: 108, w: 186, h: 186 },
    queues: { x: 1143, y: 350, w: 186, h: 190 },
  },
  lines: {
    'clients>gateway': { path: 'M92 245H218', label: [156, 245] },
    'gateway>order': { path: 'M344 245H475', label: [410, 245] },
    'gateway>product': { path: 'M300 207C350 100 600 60 783 65', label: [490, 95] },
    'gateway>user': { path: 'M300 283C350 390 600 430 783 425', label: [490, 396] },
    'order>product': { path: 'M640 195C660 140 720 100 783 90', label: [690, 140] },
    'order>user': { path: 'M640 295C660 350 720 390 783 400', label: [690, 350] },
    'product>order': { path: 'M850 120C840 190 760 225 669 233', label: [800, 196] },
    'user>order': { path: 'M850 370C840 300 760 265 669 257', label: [800, 294] },
    'product>user': { path: 'M910 120V370', label: [930, 245] },
  },
  stores: {
    'product>postgres': 'M975 60H1050',
    'order>postgres': 'M667 245C900 245 960 110 1050 110',
    'user>postgres': 'M940 370C990 250 990 165 1050 160',
    'product>queues': 'M950 120C1000 200 1000 290 1050 300',
    'order>queues': 'M667 245C900 245 960 350 1050 350',
    'user>queues': 'M975 430H1050',
  },
};

/** From top to bottom. @type {Layout} */
export const narrow = {
  size: [372, 1066],
  boxes: {
    clients: { x: 186, y: 26, w: 84, h: 40 },
    gateway: { x: 186, y: 150, w: 130, h: 76 },
    order: { x: 186, y: 345, w: 160, h: 100 },
    product: { x: 91, y: 570, w: 170, h: 100 },
    user: { x: 281, y: 570, w: 170, h: 100 },
    postgres: { x: 186, y: 768, w: 352, h: 196 },
    queues: { x: 186, y: 972, w: 352, h: 180 },
  },
  lines: {
    'clients>gateway': { path: 'M186 46V110', label: [186, 79] },
    'gateway>order': { path: 'M186 188V293', label: [186, 240] },
    'gateway>product': { path: 'M121 160C20 190 20 400 50 518', label: [53, 262] },
    'gateway>user': { path: 'M251 160C352 190 352 400 322 518', label: [319, 262] },
    'order>product': { path: 'M140 395L105 518', label: [100, 450] },
    'order>user': { path: 'M232 395L267 518', label: [272, 450] },
    'product>order': { path: 'M140 520C160 480 172 440 174 397', label: [152, 492] },
    'user>order': { path: 'M232 520C212 480 200 440 198 397', label: [222, 492] },
    'product>user': { path: 'M176 545H194', label: [186, 632] },
  },
  stores: {
    'product>postgres': 'M91 620V670',
    'order>postgres': 'M186 395V670',
    'user>postgres': 'M281 620V670',
    'product>queues': 'M20 620V882',
    'order>queues': 'M186 820V882',
    'user>queues': 'M352 620V882',
  },
};
