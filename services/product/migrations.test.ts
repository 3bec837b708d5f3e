import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

test('the migrations contain what events need', async () => {
  const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');
  const migration = await read('./migrations/005-events.sql');
  expect(migration).toContain(await read('../../platform/events/outbox.sql'));
  expect(migration).toContain(await read('../../platform/events/inbox.sql'));
  expect(await read('./migrations/007-move-events.sql')).toContain(
    await read('../../platform/events/move-events.sql'),
  );
});
