import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { failure, startService } from './test-service.ts';

const service = await startService({ PASSWORD_HASH_CONCURRENCY: 1 });
const open = service.users();

it('past the bound, logins are refused with a delay, and not counted as failed', async () => {
  const { email } = await service.person();
  const calls = Array.from({ length: 60 }, () =>
    failure(open.login({ email: `${randomUUID()}@souk.example`, password: 'wrong password' })),
  );
  const results = await Promise.all(calls);
  const busy = results.filter(({ reason }) => reason === 'PASSWORD_HASHING_BUSY');
  expect(busy.length).toBeGreaterThan(0);
  expect(busy.length).toBeLessThan(60);
  for (const failed of busy) expect(failed).toMatchObject({ code: 'ResourceExhausted', retryMs: 1_000 });
  const checked = results.filter(({ reason }) => reason === 'CREDENTIALS_INVALID');
  expect(checked.length + busy.length).toBe(60);
  const [counted] = await service.db.sql`SELECT count(*)::integer AS n FROM login_failures`;
  expect(counted?.n).toBe(checked.length);

  // Other calls were served meanwhile, and logins are again.
  await open.login({ email, password: service.password });
});
