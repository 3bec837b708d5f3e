import { randomBytes } from 'node:crypto';
import { loadConfig } from '../../platform/config/config.ts';
import { connect } from '../../platform/db/database.ts';
import { migrate } from '../../platform/db/migrate.ts';
import { DomainError } from '../../platform/errors.ts';
import { uuidv7 } from '../../platform/id.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { seedConfigSpec } from './config.ts';
import { hashPassword } from './password.ts';
import { insertFirstAdmin } from './user-store.ts';

// Makes the first admin. The password is shown here, once, and nowhere else: only its hash is kept.

const config = loadConfig(seedConfigSpec);
const log = createLogger({ service: 'user', instance: 'user-seed', level: 'silent' });
const database = connect(
  { DATABASE_URL: config.DATABASE_URL, DATABASE_POOL_SIZE: 1, INSTANCE: 'user-seed' },
  log,
);

try {
  await migrate(database.sql, new URL('./migrations/', import.meta.url), log);
  const password = randomBytes(18).toString('base64url');
  const made = await insertFirstAdmin(database.sql, {
    id: uuidv7(),
    email: config.ADMIN_EMAIL,
    displayName: 'Admin',
    passwordHash: await hashPassword(password),
    role: 'admin',
  });
  process.stdout.write(
    made
      ? `Made the first admin: ${config.ADMIN_EMAIL}, password ${password} (shown this once)\n`
      : 'There is an admin already: nothing to do.\n',
  );
} catch (error) {
  // A customer may have registered with that address.
  const taken = error instanceof DomainError && error.reason === 'EMAIL_TAKEN';
  const message = taken
    ? 'ADMIN_EMAIL belongs to an account that is no admin: choose another'
    : String(error);
  process.stderr.write(`The first admin was not made: ${message}\n`);
  process.exitCode = 1;
} finally {
  await database.close();
}
