import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { createTestIssuer } from '../testing/tokens.ts';
import { type ListedKey, remoteKeys } from './keys.ts';

const [first, second] = [await createTestIssuer('first'), await createTestIssuer('second')];
const unknown = { kind: 'UNAUTHENTICATED', reason: 'TOKEN_INVALID' };

/** An issuer's list that tests change, with a count of its fetches. */
function listOf(...keys: ListedKey[]) {
  const list = { keys, fetches: 0, down: false };
  const source = remoteKeys(async () => {
    list.fetches++;
    await Promise.resolve();
    if (list.down) throw new Error('down');
    return list.keys;
  });
  return { list, source };
}

afterEach(() => {
  vi.useRealTimers();
});

test('keys are fetched once for all who ask together, and kept', async () => {
  const { list, source } = listOf(first.listed);
  await Promise.all(Array.from({ length: 50 }, () => source.find('first')));
  await source.find('first');
  expect(list.fetches).toBe(1);
});

test('a new key is found by a fetch; unknown ids cause one in an interval at most', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { list, source } = listOf(first.listed);
  await source.find('first');
  for (let index = 0; index < 20; index++)
    await expect(source.find(`forged-${index}`)).rejects.toMatchObject(unknown);
  expect(list.fetches).toBe(1);

  list.keys = [first.listed, second.listed];
  vi.advanceTimersByTime(3_500);
  await source.find('second');
  expect(list.fetches).toBe(2);
});

test('known keys serve on while the issuer is away; a withdrawn one goes when it answers', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { list, source } = listOf(first.listed, second.listed);
  await source.find('first');
  list.down = true;
  vi.advanceTimersByTime(61_000);
  await source.find('first');
  await turn();
  vi.advanceTimersByTime(4_000);
  await source.find('first');
  await turn();
  expect(list.fetches).toBe(3);

  list.down = false;
  list.keys = [second.listed];
  vi.advanceTimersByTime(4_000);
  await source.find('first');
  await vi.waitFor(() => expect(source.find('first')).rejects.toMatchObject(unknown));
});

test('without any key each ask tries again, and failing is UNAVAILABLE', async () => {
  const { list, source } = listOf(first.listed);
  list.down = true;
  await expect(source.find('first')).rejects.toMatchObject({ reason: 'SIGNING_KEYS_UNAVAILABLE' });
  list.down = false;
  await source.find('first');
  await expect(source.find(undefined)).rejects.toMatchObject(unknown);
});

test('a private key in the list is refused', async () => {
  const { generateKeyPair, exportJWK } = await import('jose');
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const { source } = listOf({ keyId: 'x', publicKeyJwk: JSON.stringify(await exportJWK(privateKey)) });
  await expect(source.find('x')).rejects.toMatchObject({ reason: 'SIGNING_KEYS_UNAVAILABLE' });
});
