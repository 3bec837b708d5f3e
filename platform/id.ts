import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;
const pool = Buffer.allocUnsafe(POOL_BYTES);
let used = POOL_BYTES;
let lastMs = 0;
let sequence = 0;

const DIGITS = Buffer.from('0123456789abcdef');
/** An id in the making: what stays the same from one to the next is not written again. */
const next = Buffer.from('00000000-0000-7000-8000-000000000000');
let writtenMs = 0;

function writeHex(byte: number, at: number): void {
  next[at] = DIGITS[byte >> 4] as number;
  next[at + 1] = DIGITS[byte & 15] as number;
}

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

  if (writtenMs !== lastMs) {
    const ms = lastMs.toString(16).padStart(12, '0');
    next.write(`${ms.slice(0, 8)}-${ms.slice(8)}`);
    writtenMs = lastMs;
  }
  writeHex(0x70 | (sequence >> 8), 14);
  writeHex(sequence & 0xff, 16);
  writeHex(0x80 | (random(2) & 0x3f), 19);
  writeHex(random(3), 21);
  for (let index = 4; index < 10; index++) writeHex(random(index), 16 + 2 * index);
  return next.toString('latin1');
}

/** By a digit's character code: what it stands for; -1 of all others. */
const lowerCase = new Int8Array(256).fill(-1);
DIGITS.forEach((code, value) => {
  lowerCase[code] = value;
});
const anyCase = lowerCase.map(
  (_, code) => lowerCase[String.fromCharCode(code).toLowerCase().charCodeAt(0)] ?? -1,
);
const HYPHEN = '-'.charCodeAt(0);
const scratch = new Uint8Array(16);

/** Whether it is a UUID in lower case. */
export const isUuid = (value: string): boolean => parse(value, lowerCase, scratch, 0);

/** Writes the 16 bytes of a UUID, in whichever case. False: it is none, and what is written means nothing. */
export const writeUuid = (value: string, into: Uint8Array, at: number): boolean =>
  parse(value, anyCase, into, at);

/** Without regular expressions and parts of strings, which take several times as long: events have two ids each. */
function parse(value: string, digits: Int8Array, into: Uint8Array, at: number): boolean {
  if (value.length !== 36) return false;
  let signs = 0;
  let from = 0;
  for (let index = 0; index < 16; index++) {
    if (from === 8 || from === 13 || from === 18 || from === 23) {
      if (value.charCodeAt(from) !== HYPHEN) return false;
      from++;
    }
    const high = digits[value.charCodeAt(from)] ?? -1;
    const low = digits[value.charCodeAt(from + 1)] ?? -1;
    signs |= high | low;
    into[at + index] = (high << 4) | low;
    from += 2;
  }
  return signs >= 0;
}
