import { describe, expect, it } from 'vitest';
import { decoyHash, hashPassword, isOutdated, PASSWORD_COST, verifyPassword } from './password.ts';

const cheap = { memory: 64, passes: 1, parallelism: 1 };

describe('a password hash', () => {
  it('carries its parameters in PHC string format, at 19 MiB, 2 passes and 1 lane', async () => {
    const phc = await hashPassword('correct horse battery');
    expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(await verifyPassword('correct horse battery', phc)).toBe(true);
    expect(await verifyPassword('correct horse batterY', phc)).toBe(false);
  });

  it('is salted', async () => {
    expect(await hashPassword('the same', cheap)).not.toBe(await hashPassword('the same', cheap));
  });

  it('made by the reference implementation verifies', async () => {
    // echo -n password | argon2 somesalt -id -v 13 -t 2 -k 65536 -p 1 -l 32
    const phc = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await verifyPassword('password', phc)).toBe(true);
  });

  it('is the same however the password was composed', async () => {
    const phc = await hashPassword('re\u0301sume\u0301 of a life', cheap);
    expect(await verifyPassword('r\u00e9sum\u00e9 of a life', phc)).toBe(true);
  });

  it('is outdated when made at another cost', async () => {
    const phc = await hashPassword('correct horse battery', cheap);
    expect(isOutdated(phc, cheap)).toBe(false);
    expect(isOutdated(phc)).toBe(true);
    expect(isOutdated(decoyHash())).toBe(false);
    expect(PASSWORD_COST).toEqual({ memory: 19_456, passes: 2, parallelism: 1 });
  });

  it('that is damaged is an error that does not show it', async () => {
    const failed = await verifyPassword('x', '$argon2i$v=19$secret').catch((error: Error) => error.message);
    expect(failed).toMatch(/not an Argon2id hash/);
    expect(failed).not.toMatch(/secret/);
  });
});
