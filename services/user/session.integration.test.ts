import { randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { hashPassword, isOutdated } from './password.ts';
import { failure, startService, untilBlocked } from './test-service.ts';

const service = await startService();
const { sql } = service.db;
const open = service.users();
const { password } = service;
const wrong = 'wrong password';

const CREDENTIALS_INVALID = { code: 'Unauthenticated', reason: 'CREDENTIALS_INVALID' };

describe('Login', () => {
  it('opens a session with an access token by the contract, and a refresh token of which only a hash is kept', async () => {
    const { email, user } = await service.person();
    const { session, user: told } = await open.login({ email: `  ${email.toUpperCase()} `, password });
    expect(told).toEqual(user);
    const claims = decodeJwt(session?.accessToken ?? '');
    expect(claims).toMatchObject({ iss: 'souk', aud: 'souk', sub: user.id, role: 'customer' });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(300);
    expect(Number(session?.accessTokenExpireTime?.seconds)).toBe(claims.exp);
    expect(decodeProtectedHeader(session?.accessToken ?? '')).toMatchObject({
      alg: 'ES256',
      kid: expect.any(String),
    });
    expect(session?.refreshToken).toMatch(/^[\w-]{43}$/);
    const [dump] = await sql`
      SELECT (SELECT string_agg(r::text, '') FROM refresh_tokens r) || (SELECT string_agg(s::text, '') FROM sessions s)
        AS text`;
    expect(dump?.text).not.toContain(session?.refreshToken);
  });

  it('answers for an unknown address as for a wrong password, after one hash in both cases', async () => {
    const { email } = await service.person();
    const before = await service.hashes();
    const known = await failure(open.login({ email, password: wrong }));
    expect(await service.hashes()).toBe(before + 1);
    const unknown = await failure(open.login({ email: `${randomUUID()}@souk.example`, password: wrong }));
    expect(await service.hashes()).toBe(before + 2);
    expect(known).toMatchObject(CREDENTIALS_INVALID);
    expect(unknown).toEqual(known);
    expect(await failure(open.login({ email: 'a\0b', password: wrong }))).toMatchObject(CREDENTIALS_INVALID);
  });

  it('makes a hash of another cost anew, once', async () => {
    const { email, user } = await service.person();
    const old = await hashPassword(password, { memory: 64, passes: 1, parallelism: 1 });
    await sql`UPDATE users SET password_hash = ${old} WHERE id = ${user.id}`;
    // Two at once: neither may take the other's new hash for a changed password.
    await Promise.all([open.login({ email, password }), open.login({ email, password })]);
    const stored = async () =>
      (await sql<{ password_hash: string }[]>`SELECT password_hash FROM users WHERE id = ${user.id}`)[0]
        ?.password_hash ?? '';
    const renewed = await stored();
    expect(isOutdated(renewed)).toBe(false);
    await open.login({ email, password });
    expect(await stored()).toBe(renewed);
  });
});

describe('Failed logins', () => {
  it.each(['a known', 'an unknown'])(
    'to %s address are slowed, before a hash, with a growing delay',
    async (kind) => {
      const email = kind === 'a known' ? (await service.person()).email : `${randomUUID()}@souk.example`;
      const attempt = () => failure(open.login({ email, password: wrong }));
      for (let n = 1; n <= 5; n++) expect(await attempt()).toMatchObject(CREDENTIALS_INVALID);
      const hashes = await service.hashes();
      const blocked = await attempt();
      expect(blocked).toMatchObject({ code: 'ResourceExhausted', reason: 'TOO_MANY_FAILED_LOGINS' });
      expect(blocked.retryMs).toBeGreaterThan(0);
      expect(blocked.retryMs).toBeLessThanOrEqual(1_000);
      expect(await service.hashes()).toBe(hashes);

      const account = sql`sha256(convert_to(${email}, 'UTF8'))`;
      const delays: number[] = [];
      for (let n = 6; n <= 13; n++) {
        await sql`UPDATE login_failures SET blocked_until = now() WHERE account = ${account}`;
        expect(await attempt()).toMatchObject(CREDENTIALS_INVALID);
        const [row] = await sql`
        SELECT extract(epoch FROM blocked_until - last_attempt_at)::integer AS s FROM login_failures
        WHERE account = ${account}`;
        delays.push(row?.s as number);
      }
      expect(delays).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
    },
  );

  it('that come at once are counted one by one', async () => {
    const { email } = await service.person();
    const results = await Promise.all(
      Array.from({ length: 20 }, () => failure(open.login({ email, password: wrong }))),
    );
    const reasons = results.map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'CREDENTIALS_INVALID')).toHaveLength(5);
    expect(reasons.filter((reason) => reason === 'TOO_MANY_FAILED_LOGINS')).toHaveLength(15);
  });

  it('are forgotten with a success, and after an hour', async () => {
    const { email } = await service.person();
    const account = sql`sha256(convert_to(${email}, 'UTF8'))`;
    for (let n = 1; n <= 4; n++) await failure(open.login({ email, password: wrong }));
    await open.login({ email, password });
    expect(await sql`SELECT FROM login_failures WHERE account = ${account}`).toHaveLength(0);
    for (let n = 1; n <= 4; n++) await failure(open.login({ email, password: wrong }));
    await sql`UPDATE login_failures SET last_attempt_at = now() - interval '61 minutes' WHERE account = ${account}`;
    await failure(open.login({ email, password: wrong }));
    const [row] = await sql`SELECT failures FROM login_failures WHERE account = ${account}`;
    expect(row?.failures).toBe(1);
  });
});

describe('RefreshSession', () => {
  it('trades a token once, with the role as it is now', async () => {
    const { session, user } = await service.person();
    await sql`UPDATE users SET role = 'admin' WHERE id = ${user.id}`;
    const { session: next } = await open.refreshSession({ refreshToken: session.refreshToken });
    expect(next?.refreshToken).not.toBe(session.refreshToken);
    const [before, after] = [session, next].map((one) => decodeJwt(one?.accessToken ?? ''));
    expect(after).toMatchObject({ sub: user.id, sid: before?.sid, role: 'admin' });
    await open.refreshSession({ refreshToken: next?.refreshToken ?? '' });
    await sql`UPDATE users SET role = 'customer' WHERE id = ${user.id}`;
  });

  it('ends the session, and no other, at the second use of a token', async () => {
    const { session, email } = await service.person();
    const other = (await open.login({ email, password })).session?.refreshToken ?? '';
    const { session: next } = await open.refreshSession({ refreshToken: session.refreshToken });
    const refresh = (refreshToken = '') => failure(open.refreshSession({ refreshToken }));
    expect(await refresh(session.refreshToken)).toMatchObject({
      code: 'Unauthenticated',
      reason: 'REFRESH_TOKEN_REUSED',
    });
    expect(await refresh(next?.refreshToken)).toMatchObject({ reason: 'REFRESH_TOKEN_INVALID' });
    await open.refreshSession({ refreshToken: other });
  });

  it('serves one of many simultaneous uses, and ends the session', async () => {
    for (let round = 0; round < 5; round++) {
      const { session } = await service.person();
      const uses = await Promise.allSettled(
        Array.from({ length: 6 }, () => open.refreshSession({ refreshToken: session.refreshToken })),
      );
      const served = uses.flatMap((use) => (use.status === 'fulfilled' ? [use.value.session] : []));
      expect(served).toHaveLength(1);
      expect(
        await failure(open.refreshSession({ refreshToken: served[0]?.refreshToken ?? '' })),
      ).toMatchObject({
        reason: 'REFRESH_TOKEN_INVALID',
      });
    }
  });

  it('refuses unknown and expired tokens; an expired one ends nothing', async () => {
    const { session } = await service.person();
    const invalid = { code: 'Unauthenticated', reason: 'REFRESH_TOKEN_INVALID' };
    expect(await failure(open.refreshSession({ refreshToken: 'unknown' }))).toMatchObject(invalid);
    const { sid } = decodeJwt(session.accessToken) as { sid: string };
    await sql`UPDATE refresh_tokens SET expires_at = now() WHERE session_id = ${sid}`;
    expect(await failure(open.refreshSession({ refreshToken: session.refreshToken }))).toMatchObject(invalid);
    expect(await sql`SELECT FROM sessions WHERE id = ${sid}`).toHaveLength(1);
  });

  it('that meets the end of its session waits for it, and does not deadlock', async () => {
    const { session } = await service.person();
    const { sid } = decodeJwt(session.accessToken) as { sid: string };
    const { refreshed } = await sql.begin(async (tx) => {
      // The first half of a deletion; the second is that of the tokens.
      await tx`SELECT FROM sessions WHERE id = ${sid} FOR UPDATE`;
      const refreshed = failure(open.refreshSession({ refreshToken: session.refreshToken }));
      await untilBlocked(sql);
      await tx`DELETE FROM sessions WHERE id = ${sid}`;
      return { refreshed };
    });
    expect(await refreshed).toMatchObject({ reason: 'REFRESH_TOKEN_INVALID' });
  });
});

describe('Logout', () => {
  it('ends the session, leaves others, and may be repeated', async () => {
    const { session, users, email } = await service.person();
    const other = (await open.login({ email, password })).session?.refreshToken ?? '';
    await users.logout({});
    await users.logout({});
    expect(await failure(open.refreshSession({ refreshToken: session.refreshToken }))).toMatchObject({
      reason: 'REFRESH_TOKEN_INVALID',
    });
    await open.refreshSession({ refreshToken: other });
  });
});

describe('ChangePassword', () => {
  const next = 'another horse battery';

  it("ends the other sessions and keeps the caller's", async () => {
    const { users, session, email } = await service.person();
    const other = (await open.login({ email, password })).session?.refreshToken ?? '';
    await users.changePassword({ currentPassword: password, newPassword: next });
    await open.refreshSession({ refreshToken: session.refreshToken });
    expect(await failure(open.refreshSession({ refreshToken: other }))).toMatchObject({
      reason: 'REFRESH_TOKEN_INVALID',
    });
    expect(await failure(open.login({ email, password }))).toMatchObject(CREDENTIALS_INVALID);
    await open.login({ email, password: next });
  });

  it('needs the current password, and is slowed as Login is', async () => {
    const { users, email } = await service.person();
    const change = () => failure(users.changePassword({ currentPassword: wrong, newPassword: next }));
    for (let n = 1; n <= 5; n++) expect(await change()).toMatchObject(CREDENTIALS_INVALID);
    expect(await change()).toMatchObject({ reason: 'TOO_MANY_FAILED_LOGINS' });
    expect(await failure(open.login({ email, password }))).toMatchObject({
      reason: 'TOO_MANY_FAILED_LOGINS',
    });
  });

  it.each(['ChangePassword', 'DeleteUser'])(
    '%s leaves no session of a login that it meets',
    async (method) => {
      const { user, email } = await service.person();
      const { login } = await sql.begin(async (tx) => {
        if (method === 'DeleteUser') await tx`SELECT delete_user(${user.id})`;
        else await tx`SELECT change_password(${user.id}, 1, 'new hash', ${randomUUID()})`;
        // Finds the old password, for the change is not committed, and opens its session after the commit.
        const login = failure(open.login({ email, password }));
        await untilBlocked(sql);
        return { login };
      });
      expect(await login).toMatchObject(CREDENTIALS_INVALID);
      expect(await sql`SELECT FROM sessions WHERE user_id = ${user.id}`).toHaveLength(0);
    },
  );

  it('also ends the session of a login that was a moment earlier', async () => {
    const { user, users, session } = await service.person();
    const { changed } = await sql.begin(async (tx) => {
      await tx`SELECT FROM users WHERE id = ${user.id} FOR SHARE`;
      const changed = users.changePassword({ currentPassword: password, newPassword: next });
      await untilBlocked(sql);
      await tx`INSERT INTO sessions (id, user_id, expires_at) VALUES (${randomUUID()}, ${user.id}, now() + interval '1 h')`;
      return { changed };
    });
    await changed;
    const { sid } = decodeJwt(session.accessToken) as { sid: string };
    expect([...(await sql`SELECT id FROM sessions WHERE user_id = ${user.id}`)]).toEqual([{ id: sid }]);
  });
});
