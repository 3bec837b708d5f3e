import { decodeProtectedHeader } from 'jose';
import { beforeEach, describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../../platform/auth/access-token.ts';
import { remoteKeys } from '../../platform/auth/keys.ts';
import { testDatabase } from '../../platform/testing/database.ts';
import { createAccessTokenIssuer } from './access-token-issuer.ts';
import { createSigningKeyCipher } from './signing-key-cipher.ts';
import { openSigningKeys, type SigningKeys } from './signing-keys.ts';
import { untilBlocked } from './test-service.ts';

const { sql } = await testDatabase('user');
const DAY_S = 86_400;
const claims = { userId: 'u', role: 'customer', sessionId: 's' } as const;

const replica = (secret?: string) =>
  openSigningKeys({ sql, cipher: createSigningKeyCipher(secret), rotationS: DAY_S, accessTokenTtlS: 300 });
/** Lets that much time pass for all keys. */
const pass = (seconds: number) => sql`
  UPDATE signing_keys SET signs_from = signs_from - ${seconds} * interval '1 s',
    signs_until = signs_until - ${seconds} * interval '1 s'`;
const sign = async (keys: SigningKeys) => (await createAccessTokenIssuer(keys, 300)(claims)).token;
const verify = async (keys: SigningKeys, token: string) =>
  createTokenVerifier({ keys: remoteKeys(() => keys.list()) }).verify(token);
const kid = (token: string) => decodeProtectedHeader(token).kid;

beforeEach(async () => {
  await sql`DELETE FROM signing_keys`;
});

describe('signing keys', () => {
  it('are one, when replicas start together', async () => {
    // All have seen that there is none, and wait to make it.
    const { starting } = await sql.begin(async (tx) => {
      await tx`SELECT pg_advisory_xact_lock(hashtextextended('user: signing keys', 0))`;
      const starting = Promise.all([replica(), replica(), replica()]);
      await untilBlocked(sql, 3);
      return { starting };
    });
    const replicas = await starting;
    const lists = await Promise.all(replicas.map((keys) => keys.list()));
    expect(lists[0]).toHaveLength(1);
    for (const list of lists) expect(list).toEqual(lists[0]);
    const token = await sign(replicas[0] as SigningKeys);
    expect(await verify(replicas[2] as SigningKeys, token)).toMatchObject({ userId: 'u', sessionId: 's' });
  });

  it('survive a restart', async () => {
    const token = await sign(await replica());
    const restarted = await replica();
    expect(await verify(restarted, token)).toMatchObject({ userId: 'u' });
    expect(kid(await sign(restarted))).toBe(kid(token));
  });

  it('rotate: the next is listed before it signs, the last until its tokens have expired', async () => {
    const keys = await replica();
    const first = await sign(keys);

    // Half an hour before the end.
    await pass(DAY_S - 1_800);
    await keys.maintain();
    const published = await keys.list();
    expect(published).toHaveLength(2);
    expect(published[1]?.keyId).toBe(kid(first));
    expect(kid(await sign(keys))).toBe(kid(first));
    expect(Number(published[0]?.retiresAt) - Number(published[1]?.retiresAt)).toBeCloseTo(DAY_S * 1_000, -2);
    // Nothing more to be made.
    await keys.maintain();
    expect(await keys.list()).toHaveLength(2);

    // The end has passed.
    await pass(1_801);
    await keys.maintain();
    const second = await sign(keys);
    expect(kid(second)).toBe(published[0]?.keyId);
    expect(await verify(keys, first)).toMatchObject({ userId: 'u' });
    expect(await verify(keys, second)).toMatchObject({ userId: 'u' });

    // The last token of the first key has expired, and the clocks' tolerance is over.
    await pass(400);
    await keys.maintain();
    expect((await keys.list()).map(({ keyId }) => keyId)).toEqual([published[0]?.keyId]);
    await expect(verify(keys, first)).rejects.toMatchObject({
      kind: 'UNAUTHENTICATED',
      reason: 'TOKEN_INVALID',
    });
    expect(await verify(keys, second)).toMatchObject({ userId: 'u' });
  });

  it('that ended while nothing ran are followed by one that signs at once', async () => {
    const before = await sign(await replica());
    await pass(3 * DAY_S);
    const keys = await replica();
    const token = await sign(keys);
    expect(kid(token)).not.toBe(kid(before));
    expect(await verify(keys, token)).toMatchObject({ userId: 'u' });
  });

  it('are listed without their private half', async () => {
    const [listed] = await (await replica()).list();
    expect(JSON.parse(listed?.publicKeyJwk ?? '')).toMatchObject({
      kty: 'EC',
      crv: 'P-256',
      kid: listed?.keyId,
    });
    expect(JSON.parse(listed?.publicKeyJwk ?? '')).not.toHaveProperty('d');
  });

  it('are sealed with a secret, and then need it', async () => {
    const secret = 'a secret of the operator';
    const token = await sign(await replica(secret));
    const [row] = await sql<
      { sealed: boolean; private_key: Buffer }[]
    >`SELECT sealed, private_key FROM signing_keys`;
    expect(row?.sealed).toBe(true);
    expect(row?.private_key.toString('latin1')).not.toContain('"d"');
    expect(kid(await sign(await replica(secret)))).toBe(kid(token));
    await expect(replica()).rejects.toThrow(/SIGNING_KEY_SECRET is missing/);
    await expect(replica('another secret, as long')).rejects.toThrow(/SIGNING_KEY_SECRET is not the one/);
  });
});
