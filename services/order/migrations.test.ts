import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');

it.each([
  ['the log that transactions need', '002-transactions.sql', 'transaction/transactions.sql'],
  ['the outbox that publishing needs', '003-events.sql', 'events/outbox.sql'],
  ['what moves its events to the log', '005-move-events.sql', 'events/move-events.sql'],
  ['the inbox that subscribing needs', '003-events.sql', 'events/inbox.sql'],
])('the migrations contain %s', async (_, migration, origin) => {
  expect(await read(`./migrations/${migration}`)).toContain(await read(`../../platform/${origin}`));
});
