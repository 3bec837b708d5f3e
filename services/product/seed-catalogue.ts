import { createHash } from 'node:crypto';
import type { NewProduct } from './product-store.ts';

/** A made-up product with the stock it starts with. */
export interface SeedProduct extends NewProduct {
  readonly createdAt: Date;
  readonly stock: number;
}

interface Ware {
  readonly noun: string;
  readonly materials: readonly string[];
  /** Whole euros, from and to. */
  readonly price: readonly [number, number];
  readonly use: string;
}

const STYLES = 'Classic,Compact,Everyday,Handmade,Nordic,Rustic,Slim,Sturdy,Travel,Vintage'.split(',');
const WOOD = ['ash', 'bamboo', 'beech', 'oak', 'walnut'];
const CLAY = ['ceramic', 'glass', 'porcelain', 'stoneware'];
const METAL = ['aluminium', 'brass', 'copper', 'steel'];
const CLOTH = ['cotton', 'linen', 'wool'];
const TOUGH = ['canvas', 'felt', 'leather'];
const COLOURS = 'amber,charcoal,cream,indigo,moss green,ochre,rust red,sky blue,slate grey,white'.split(',');
const WARES: readonly Ware[] = [
  { noun: 'armchair', materials: TOUGH, price: [180, 640], use: 'A seat to read in until late.' },
  {
    noun: 'backpack',
    materials: TOUGH,
    price: [45, 160],
    use: 'Room for a laptop, a lunch and a change of clothes.',
  },
  { noun: 'blanket', materials: CLOTH, price: [29, 120], use: 'Light in spring and warm enough for winter.' },
  { noun: 'bookend', materials: METAL, price: [12, 48], use: 'Keeps even the heavy volumes upright.' },
  { noun: 'bread box', materials: WOOD, price: [24, 79], use: 'Bread stays fresh for days.' },
  { noun: 'candle holder', materials: METAL, price: [9, 39], use: 'For dinner candles and tea lights.' },
  { noun: 'chopping board', materials: WOOD, price: [14, 69], use: 'Kind to knives and easy to clean.' },
  { noun: 'clock', materials: WOOD, price: [25, 140], use: 'Runs without a sound.' },
  { noun: 'coat rack', materials: WOOD, price: [35, 190], use: 'Eight hooks and a shelf for hats.' },
  { noun: 'cushion', materials: CLOTH, price: [15, 59], use: 'The cover comes off and can be washed.' },
  { noun: 'desk lamp', materials: METAL, price: [29, 180], use: 'Dimmable light that follows your work.' },
  { noun: 'flower pot', materials: CLAY, price: [6, 45], use: 'With a saucer, for indoors and outdoors.' },
  { noun: 'fruit bowl', materials: CLAY, price: [16, 75], use: 'Holds the fruit of a whole week.' },
  { noun: 'garden bench', materials: WOOD, price: [120, 480], use: 'Stands rain, snow and sun.' },
  { noun: 'lantern', materials: METAL, price: [12, 70], use: 'Shields a candle from the wind.' },
  { noun: 'mirror', materials: WOOD, price: [39, 260], use: 'Hangs upright or across.' },
  { noun: 'mug', materials: CLAY, price: [7, 28], use: 'Keeps tea hot and fingers cool.' },
  { noun: 'notebook', materials: TOUGH, price: [5, 32], use: 'Two hundred pages that lie flat when open.' },
  { noun: 'picture frame', materials: WOOD, price: [8, 55], use: 'For photographs and small prints.' },
  { noun: 'salad bowl', materials: CLAY, price: [18, 85], use: 'With servers to match.' },
  { noun: 'side table', materials: WOOD, price: [59, 320], use: 'Fits beside any sofa.' },
  { noun: 'storage basket', materials: TOUGH, price: [12, 64], use: 'For toys, towels or firewood.' },
  { noun: 'tea towel', materials: CLOTH, price: [5, 19], use: 'Dries quickly and leaves no lint.' },
  { noun: 'teapot', materials: CLAY, price: [22, 110], use: 'Pours without a drop beside the cup.' },
  { noun: 'umbrella', materials: CLOTH, price: [19, 95], use: 'Does not turn inside out in a storm.' },
  { noun: 'vase', materials: CLAY, price: [11, 98], use: 'For a single stem or a whole bunch.' },
  { noun: 'wall shelf', materials: WOOD, price: [22, 150], use: 'Carries up to twenty kilograms.' },
  { noun: 'wallet', materials: TOUGH, price: [19, 89], use: 'Slots for eight cards and a pocket for coins.' },
];

const FIRST_MADE_MS = Date.UTC(2025, 0, 1, 8);
const MADE_EVERY_MS = 3_600_000;

/** The same products with every call, whoever makes them: each of another name, priced in EUR, 0 to 500 in stock. */
export function seedCatalogue(count: number): SeedProduct[] {
  const names = new Set<string>();
  const products: SeedProduct[] = [];
  for (let attempt = 0; products.length < count; attempt++) {
    const chance = createHash('sha256').update(`souk seed ${attempt}`).digest();
    const product = compose(chance, new Date(FIRST_MADE_MS + products.length * MADE_EVERY_MS));
    if (names.has(product.name)) continue;
    names.add(product.name);
    products.push(product);
  }
  return products;
}

function compose(chance: Buffer, createdAt: Date): SeedProduct {
  const number = (at: number, below: number): number => chance.readUInt16BE(at) % below;
  const pick = <T>(at: number, from: readonly T[]): T => from[number(at, from.length)] as T;
  const { noun, materials, price, use } = pick(0, WARES);
  const [style, material, colour] = [pick(2, STYLES), pick(4, materials), pick(6, COLOURS)];
  const euros = price[0] + number(8, price[1] - price[0]);
  return {
    id: idOf(chance, createdAt),
    name: `${style} ${material} ${noun}, ${colour}`,
    description: `${use} Made of ${material} and finished in ${colour}.`,
    price: { currency: 'EUR', minorUnits: BigInt(euros * 100 + pick(10, [0, 50, 90, 95, 99])) },
    createdAt,
    // One in twelve is sold out.
    stock: number(12, 12) === 0 ? 0 : 1 + number(14, 500),
  };
}

/** A UUIDv7 whose random part is not random, so that the same product has the same id in every shop. */
function idOf(chance: Buffer, createdAt: Date): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(createdAt.getTime(), 0, 6);
  chance.copy(bytes, 6, 16, 26);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
