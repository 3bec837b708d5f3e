import pg from 'pg';
import { loopback } from './free-port.ts';

/** A service's own database and the role of the same name that owns it. */
export interface ServiceDatabase {
  readonly name: string;
  readonly password: string;
}

/** The name of a service's database and role: `order_service`. */
export function databaseName(service: string): string {
  return `${service}_service`;
}

/** The URL with which a service's role reaches its database on this machine, by any of these ports. */
export function databaseUrl(ports: number | readonly number[], { name, password }: ServiceDatabase): string {
  const hosts = [ports].flat().map((port) => `${loopback}:${port}`);
  return `postgres://${name}:${password}@${hosts.join()}/${name}`;
}

/**
 * Makes the roles and databases that are missing, and sets each role's password. A role owns its database, and
 * nobody else may connect to it. Safe to repeat.
 *
 * @param adminUrl the superuser's
 */
export async function ensureDatabases(
  adminUrl: string,
  databases: readonly ServiceDatabase[],
): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      'SELECT rolname AS name FROM pg_roles UNION ALL SELECT datname FROM pg_database',
    );
    const count = (name: string) => rows.filter((row) => row.name === name).length;
    for (const { name, password } of databases) {
      // Utility statements take no parameters.
      const role = client.escapeIdentifier(name);
      if (count(name) === 0) await client.query(`CREATE ROLE ${role} LOGIN`);
      await client.query(`ALTER ROLE ${role} PASSWORD ${client.escapeLiteral(password)}`);
      if (count(name) < 2) await client.query(`CREATE DATABASE ${role} OWNER ${role}`);
      await client.query(`REVOKE CONNECT, TEMPORARY ON DATABASE ${role} FROM PUBLIC`);
    }
  } finally {
    await client.end();
  }
}
