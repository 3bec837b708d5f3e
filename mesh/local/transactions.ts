import pg from 'pg';
import { findPostmasters } from './clusters.ts';
import type { LauncherConfig } from './config.ts';
import { Cure } from './cure.ts';
import { databaseUrl } from './databases.ts';
import { pathsIn } from './paths.ts';
import { secretsIn } from './secrets.ts';
import { serviceDatabase } from './service-environment.ts';
import { readState } from './state.ts';

interface Row {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly attempts: number;
  /** Seconds since it began. */
  readonly age: number;
  /** Seconds until somebody takes it up; 0 when it waits for nothing. */
  readonly next: number;
  readonly error: string;
}

/** As many as are shown; more than that is told as a number. */
const MAX_SHOWN = 100;
const COLUMNS = [38, 16, 14, 10, 10, 8];

/** Prints the distributed transactions in flight, oldest first. Only PostgreSQL has to run. */
export async function transactions({ home }: LauncherConfig, print: (line: string) => void): Promise<number> {
  const paths = pathsIn(home);
  const state = readState(paths);
  if (!state || !findPostmasters(paths).some(({ port, ready }) => ready && port === state.postgresPort))
    throw new Cure('the shop doesn\'t run: "make up" first');
  const url = databaseUrl(state.postgresPort, serviceDatabase(secretsIn(paths.secrets), 'order'));
  await printInFlight(url, print);
  return 0;
}

/** Prints the open transactions of the log in the database at `url`, and changes nothing there. */
export async function printInFlight(url: string, print: (line: string) => void): Promise<void> {
  const client = new pg.Client({ connectionString: url, options: '-c default_transaction_read_only=on' });
  await client.connect();
  try {
    const { rows } = await client.query<Row>(
      `select id, kind, state, attempts, last_error as error,
         extract(epoch from now() - created_at)::float8 as age,
         greatest(0, extract(epoch from lease_until - now()))::float8 as next
       from transactions where open order by id`,
    );
    if (rows.length === 0) return print('No transaction is in flight.');
    print(line('TRANSACTION', 'KIND', 'STATE', 'AGE', 'ATTEMPTS', 'NEXT', 'LAST ERROR'));
    for (const { id, kind, state, age, attempts, next, error } of rows.slice(0, MAX_SHOWN))
      print(line(id, kind, state, seconds(age), String(attempts), seconds(next), error || '-'));
    if (rows.length > MAX_SHOWN) print(`and ${rows.length - MAX_SHOWN} more`);
  } finally {
    await client.end();
  }
}

const line = (...columns: string[]): string =>
  columns.map((text, index) => text.padEnd(COLUMNS[index] ?? 0)).join('');
const seconds = (value: number): string => `${value.toFixed(1)} s`;
