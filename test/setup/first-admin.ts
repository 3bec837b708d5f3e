import { execFileSync } from 'node:child_process';
import type { Shop } from '../../mesh/local/shop.ts';

/** Makes a shop's first admin as `make seed` does, and reads the password that is printed once. */
export function firstAdmin(shop: Pick<Shop, 'databaseUrl'>): { email: string; password: string } {
  const printed = execFileSync(process.execPath, ['services/user/seed.ts'], {
    encoding: 'utf8',
    env: { DATABASE_URL: shop.databaseUrl('user'), PORT: '0' },
  });
  const email = /[^\s,]+@[^\s,]+/.exec(printed)?.[0];
  const password = /password (\S+)/.exec(printed)?.[1];
  if (!email || !password) throw new Error('the seed printed no admin');
  return { email, password };
}
