import { describe, expect, it } from 'vitest';
import { createPasswordHasher } from './password-hasher.ts';

const cost = { memory: 8_192, passes: 2, parallelism: 1 };
const BUSY = { kind: 'RESOURCE_EXHAUSTED', reason: 'PASSWORD_HASHING_BUSY' };

describe('the password hasher', () => {
  it('computes few at once, lets few wait and refuses the rest with a delay', async () => {
    let hashed = 0;
    const hasher = createPasswordHasher({
      concurrency: 1,
      queueLength: 2,
      maxWaitMs: 20_000,
      cost,
      onHash: () => hashed++,
    });
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => hasher.hash('a password')));
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ]);
    expect((results[3] as PromiseRejectedResult).reason).toMatchObject({ ...BUSY, retryAfterMs: 20_000 });
    expect(hashed).toBe(3);
    // The slots are free again.
    await Promise.all([hasher.hash('a'), hasher.hash('b'), hasher.hash('c')]);
  });

  it('refuses who has waited too long', async () => {
    const slow = { memory: 131_072, passes: 4, parallelism: 1 };
    const hasher = createPasswordHasher({ concurrency: 1, maxWaitMs: 5, cost: slow });
    const [first, second] = await Promise.allSettled([hasher.hash('a'), hasher.hash('b')]);
    expect(first.status).toBe('fulfilled');
    expect((second as PromiseRejectedResult).reason).toMatchObject(BUSY);
    await expect(hasher.hash('c')).resolves.toMatch(/^\$argon2id/);
  });

  it('computes a hash where there is none to verify', async () => {
    let hashed = 0;
    const hasher = createPasswordHasher({ concurrency: 1, cost, onHash: () => hashed++ });
    expect(await hasher.verify('a password', undefined)).toBe(false);
    expect(hashed).toBe(1);
  });

  it('frees its slot when a hash fails', async () => {
    const hasher = createPasswordHasher({ concurrency: 1, queueLength: 0, cost });
    await expect(hasher.verify('a password', 'damaged')).rejects.toThrow(/PHC/);
    expect(await hasher.verify('a password', await hasher.hash('a password'))).toBe(true);
  });
});
