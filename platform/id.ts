import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;
const pool = Buffer.allocUnsafe(POOL_BYTES);
let used = POOL_BYTES;
let lastMs = 0;
let sequence = 0;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const hex = (byte: number): string => HEX[byte] as string;

/**
 * A UUID version 7 (RFC 9562): ids made later by this process sort later. The 12 bits after the timestamp are
 * a counter with a random start in each millisecond, so that ids made in one millisecond keep their order.
 */
export function uuidv7(): string {
  if (used + 10 > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += 10;
  const random = (index: number): number => pool[at + index] as number;

  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    sequence = ((random(0) << 8) | random(1)) & 0x7ff;
  } else if (++sequence > 0xfff) {
    // The counter ran out, or the clock went back: borrow from the next millisecond, as the RFC allows.
    lastMs++;
    sequence = 0;
  }

  const ms = lastMs.toString(16).padStart(12, '0');
  const counter = hex(0x70 | (sequence >> 8)) + hex(sequence & 0xff);
  const variant = hex(0x80 | (random(2) & 0x3f)) + hex(random(3));
  let node = '';
  for (let index = 4; index < 10; index++) node += hex(random(index));
  return `${ms.slice(0, 8)}-${ms.slice(8)}-${counter}-${variant}-${node}`;
}
