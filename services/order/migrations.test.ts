import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

it('the migrations contain the log that the transactions need', async () => {
  const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');
  expect(await read('./migrations/002-transactions.sql')).toContain(
    await read('../../platform/transaction/transactions.sql'),
  );
});
