import { expect, test } from 'vitest';
import { testDatabase } from '../testing/database.ts';
import { bigints, byteas, texts, uuids } from './arrays.ts';

const { sql } = await testDatabase('platform');

test.each([0, 1, 3, 1_000])('PostgreSQL reads arrays of %i elements as they were given', async (count) => {
  const numbers = Array.from({ length: count }, (_, n) => n);
  const ids = numbers.map((n) => `01A203C4-d8de-728d-bbfb-${String(n).padStart(12, '0')}`);
  const words = numbers.map((n) => ['', 'plain', 'quo"ted, {braced} \\ NULL', 'ünïcødé 🏺'][n % 4] as string);
  const bytes = numbers.map((n) => Uint8Array.from({ length: n % 5 }, (_, i) => 255 - i));
  const large = numbers.map((n) => (n % 2 === 0 ? -1n : 1n) * BigInt(n) * 2n ** 50n);
  const [row] = await sql`
    select ${bigints(large)}::bigint[] as large, ${uuids(ids)}::uuid[]::text[] as ids, ${texts(words)}::text[] as words, ${byteas(bytes)}::bytea[] as bytes`;
  expect(row).toEqual({
    large,
    ids: ids.map((id) => id.toLowerCase()),
    words,
    bytes: bytes.map((each) => Buffer.from(each)),
  });
});

test.each(['', 'no uuid', '01a203c4-d8de-728d-bbfb-00000000000', '01a203c4-d8de-728d-bbfb-0000000000000000'])(
  'what is no UUID is refused: %j',
  (value) => {
    expect(() => uuids([value])).toThrow(TypeError);
  },
);
