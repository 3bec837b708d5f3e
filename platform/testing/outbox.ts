import { readFile } from 'node:fs/promises';
import type { Sql } from '../db/database.ts';

/** Makes what a publisher needs in a database: outbox and log. */
export async function createOutbox(sql: Pick<Sql, 'unsafe'>): Promise<void> {
  await sql.unsafe(await readFile(new URL('../events/outbox.sql', import.meta.url), 'utf8'));
}
