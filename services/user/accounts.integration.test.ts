import { randomUUID } from 'node:crypto';
import { Role } from '@souk/contracts/shop/user/v1/user_pb.js';
import { describe, expect, it } from 'vitest';
import { failure, startService, untilBlocked } from './test-service.ts';

const service = await startService();
const { sql } = service.db;
const open = service.users();

const registration = () => ({
  requestId: randomUUID(),
  email: `${randomUUID()}@souk.example`,
  password: service.password,
  displayName: 'Ada',
});

describe('Register', () => {
  it('makes a customer with a normalised address', async () => {
    const request = registration();
    const { user } = await open.register({
      ...request,
      email: request.email.toUpperCase(),
      displayName: '  Ada ',
    });
    expect(user).toMatchObject({ email: request.email, displayName: 'Ada', role: Role.CUSTOMER });
    const [row] = await sql`SELECT password_hash FROM users WHERE id = ${user?.id ?? ''}`;
    expect(row?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it('refuses an address that has an account, in any case, also when both come at once', async () => {
    const request = registration();
    const calls = [request.email, request.email.toUpperCase(), request.email].map((email) =>
      open.register({ ...request, requestId: randomUUID(), email }),
    );
    const results = await Promise.allSettled(calls);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const hashes = await service.hashes();
    expect(await failure(open.register({ ...request, requestId: randomUUID() }))).toMatchObject({
      code: 'AlreadyExists',
      reason: 'EMAIL_TAKEN',
      fields: ['email'],
    });
    expect(await service.hashes()).toBe(hashes + 1);
  });

  it('answers a repeat as the first time, though the account has changed since', async () => {
    const request = registration();
    const first = await open.register(request);
    await sql`UPDATE users SET display_name = 'Other', version = 7 WHERE id = ${first.user?.id ?? ''}`;
    expect(await open.register({ ...request, email: request.email.toUpperCase() })).toEqual(first);
  });

  it('makes one account of two simultaneous calls with one request id', async () => {
    const request = registration();
    const [one, other] = await Promise.all([open.register(request), open.register(request)]);
    expect(other).toEqual(one);
  });

  it.each([
    ['another password', { password: 'another password' }],
    ['another name', { displayName: 'Eve' }],
    ['another address', { email: 'another@souk.example' }],
  ])('refuses a repeat with %s', async (_, change) => {
    const request = registration();
    await open.register(request);
    expect(await failure(open.register({ ...request, ...change }))).toMatchObject({
      code: 'AlreadyExists',
      reason: 'REQUEST_ID_REUSED',
    });
  });

  it('keeps no fast hash of the password', async () => {
    const requestId = randomUUID();
    await open.register({ ...registration(), requestId, email: 'same@souk.example' });
    const [first] = await sql`DELETE FROM requests WHERE request_id = ${requestId} RETURNING fingerprint`;
    await sql`UPDATE users SET email = 'moved@souk.example' WHERE email = 'same@souk.example'`;
    await open.register({
      ...registration(),
      requestId,
      email: 'same@souk.example',
      password: 'another password',
    });
    const [second] = await sql`SELECT fingerprint FROM requests WHERE request_id = ${requestId}`;
    expect(second?.fingerprint).toEqual(first?.fingerprint);
  });

  it.each([
    ['email', { email: 'nobody' }],
    ['password', { password: 'too short' }],
    ['password', { password: 'x'.repeat(129) }],
    ['display_name', { displayName: '   ' }],
    ['display_name', { displayName: 'a\0b' }],
    ['request_id', { requestId: 'x' }],
  ])('names the field at fault: %s', async (field, change) => {
    expect(await failure(open.register({ ...registration(), ...change }))).toMatchObject({
      code: 'InvalidArgument',
      fields: [field],
    });
  });
});

describe('GetUser', () => {
  it("reads one's own account, and for an admin any; another's is NOT_FOUND", async () => {
    const [ada, eve, admin] = await Promise.all([
      service.person(),
      service.person(),
      service.person({ admin: true }),
    ]);
    expect((await ada.users.getUser({})).user).toEqual(ada.user);
    expect((await ada.users.getUser({ userId: ada.user.id.toUpperCase() })).user).toEqual(ada.user);
    expect((await admin.users.getUser({ userId: ada.user.id })).user).toEqual(ada.user);
    const missing = { code: 'NotFound', reason: 'USER_NOT_FOUND' };
    expect(await failure(eve.users.getUser({ userId: ada.user.id }))).toMatchObject(missing);
    expect(await failure(admin.users.getUser({ userId: randomUUID() }))).toMatchObject(missing);
    expect(await failure(open.getUser({}))).toMatchObject({ code: 'Unauthenticated' });
  });
});

describe('UpdateUser', () => {
  it('changes what the mask names, and the etag with it', async () => {
    const { users, user } = await service.person();
    const email = `${randomUUID()}@souk.example`;
    const { user: changed } = await users.updateUser({
      user: { displayName: ' Grace ', email: email.toUpperCase(), etag: user.etag },
      updateMask: { paths: ['display_name', 'email'] },
    });
    expect(changed).toMatchObject({ id: user.id, displayName: 'Grace', email, role: Role.CUSTOMER });
    expect(changed?.etag).not.toBe(user.etag);
    expect((await users.getUser({})).user).toEqual(changed);
    const named = { user: { displayName: 'Ada', email: '' }, updateMask: { paths: ['display_name'] } };
    expect((await users.updateUser(named)).user).toMatchObject({ displayName: 'Ada', email });
  });

  it('of a stale copy is ABORTED, and of two simultaneous ones one is', async () => {
    const { users, user } = await service.person();
    const rename = (displayName: string) =>
      users.updateUser({ user: { displayName, etag: user.etag }, updateMask: { paths: ['display_name'] } });
    const results = await Promise.allSettled([rename('One'), rename('Two')]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await failure(rename('Three'))).toMatchObject({ code: 'Aborted', reason: 'ETAG_STALE' });
  });

  it("refuses an address in use, unknown paths and another's account", async () => {
    const [ada, eve] = await Promise.all([service.person(), service.person()]);
    const update = (user: object, ...paths: string[]) =>
      failure(ada.users.updateUser({ user, updateMask: { paths } }));
    expect(await update({ email: eve.email.toUpperCase() }, 'email')).toMatchObject({
      code: 'AlreadyExists',
      reason: 'EMAIL_TAKEN',
    });
    expect(await update({}, 'etag')).toMatchObject({ code: 'InvalidArgument', fields: ['update_mask'] });
    expect(await update({}, 'email')).toMatchObject({ code: 'InvalidArgument', fields: ['user.email'] });
    expect(await update({}, 'display_name')).toMatchObject({ fields: ['user.display_name'] });
    expect(await update({ id: eve.user.id, displayName: 'x' }, 'display_name')).toMatchObject({
      code: 'NotFound',
    });
  });

  it('lets only admins change roles', async () => {
    const [ada, admin] = await Promise.all([service.person(), service.person({ admin: true })]);
    const promote = { user: { id: ada.user.id, role: Role.ADMIN }, updateMask: { paths: ['role'] } };
    expect(await failure(ada.users.updateUser(promote))).toMatchObject({ code: 'PermissionDenied' });
    expect((await admin.users.updateUser(promote)).user?.role).toBe(Role.ADMIN);
    const unstated = { user: { id: ada.user.id }, updateMask: { paths: ['role'] } };
    expect(await failure(admin.users.updateUser(unstated))).toMatchObject({ fields: ['user.role'] });
  });
});

describe('The last admin', () => {
  const refusal = { code: 'FailedPrecondition', reason: 'LAST_ADMIN' };
  const resign = { user: { role: Role.CUSTOMER }, updateMask: { paths: ['role'] } };

  it('can neither resign nor be deleted', async () => {
    const admin = await service.person({ admin: true });
    await sql`UPDATE users SET role = 'customer' WHERE id <> ${admin.user.id}`;
    expect(await failure(admin.users.deleteUser({}))).toMatchObject(refusal);
    expect(await failure(admin.users.updateUser(resign))).toMatchObject(refusal);
    const other = await service.person({ admin: true });
    await admin.users.updateUser(resign);
    expect(await failure(other.users.deleteUser({}))).toMatchObject(refusal);
  });

  it.each(['resigns', 'is deleted'])('stays, when one %s while another is being deleted', async (how) => {
    const [one, two] = await Promise.all([service.person({ admin: true }), service.person({ admin: true })]);
    await sql`UPDATE users SET role = 'customer' WHERE id NOT IN (${one.user.id}, ${two.user.id})`;
    const { call } = await sql.begin(async (tx) => {
      await tx`SELECT delete_user(${one.user.id})`;
      const call = failure(how === 'resigns' ? two.users.updateUser(resign) : two.users.deleteUser({}));
      await untilBlocked(sql);
      return { call };
    });
    expect(await call).toMatchObject(refusal);
  });
});

describe('DeleteUser', () => {
  it('erases the person, ends the sessions and keeps the id', async () => {
    const { users, user, email, session } = await service.person();
    await failure(open.login({ email, password: 'wrong password' }));
    await users.deleteUser({});
    const [row] =
      await sql`SELECT email, display_name, password_hash, deleted_at FROM users WHERE id = ${user.id}`;
    expect(row).toMatchObject({ email: null, display_name: null, password_hash: null });
    expect(row?.deleted_at).toBeInstanceOf(Date);
    expect(await failure(users.getUser({}))).toMatchObject({ code: 'NotFound' });
    expect(await failure(open.refreshSession({ refreshToken: session.refreshToken }))).toMatchObject({
      reason: 'REFRESH_TOKEN_INVALID',
    });
    expect(await failure(open.login({ email, password: service.password }))).toMatchObject({
      reason: 'CREDENTIALS_INVALID',
    });
    await sql`DELETE FROM login_failures`;
    // No column of any table holds the address, the name or a digest of the address any more.
    const dump = await sql`
      SELECT string_agg(t::text, '') AS text FROM (
        SELECT users::text FROM users WHERE id = ${user.id} UNION ALL
        SELECT login_failures::text FROM login_failures UNION ALL
        SELECT requests::text FROM requests WHERE response = uuid_send(${user.id}::uuid)
      ) t`;
    expect(dump[0]?.text).not.toContain(email);
    const [request] =
      await sql`SELECT fingerprint FROM requests WHERE response = uuid_send(${user.id}::uuid)`;
    expect(request?.fingerprint).toHaveLength(0);
  });

  it('forgets failed logins of the address', async () => {
    const { users, email } = await service.person();
    await failure(open.login({ email, password: 'wrong password' }));
    const digest = sql`sha256(convert_to(${email}, 'UTF8'))`;
    expect(await sql`SELECT FROM login_failures WHERE account = ${digest}`).toHaveLength(1);
    await users.deleteUser({});
    expect(await sql`SELECT FROM login_failures WHERE account = ${digest}`).toHaveLength(0);
  });

  it("repeated is no error for one's own, and NOT_FOUND for another's", async () => {
    const [ada, eve, admin] = await Promise.all([
      service.person(),
      service.person(),
      service.person({ admin: true }),
    ]);
    expect(await failure(eve.users.deleteUser({ userId: ada.user.id }))).toMatchObject({ code: 'NotFound' });
    await ada.users.deleteUser({});
    await ada.users.deleteUser({ userId: ada.user.id });
    await admin.users.deleteUser({ userId: eve.user.id });
    expect(await failure(admin.users.deleteUser({ userId: eve.user.id }))).toMatchObject({
      code: 'NotFound',
    });
  });

  it('frees the address, but a late repeat of the registration makes no account', async () => {
    const request = registration();
    const first = await open.register(request);
    const login = await open.login(request);
    await service.users(login.session?.accessToken).deleteUser({});
    expect(await failure(open.register(request))).toMatchObject({ reason: 'REQUEST_ID_REUSED' });
    const { user } = await open.register({ ...request, requestId: randomUUID() });
    expect(user?.id).not.toBe(first.user?.id);
  });
});

describe('ListUsers', () => {
  it('pages through the accounts that are not deleted, newest first', async () => {
    const admin = await service.person({ admin: true });
    const gone = await service.person();
    await gone.users.deleteUser({});
    // Many of one millisecond: the id decides.
    await sql`
      INSERT INTO users (id, email, display_name, password_hash, role, created_at)
      SELECT gen_random_uuid(), 'p' || n || '@souk.example', 'P', '-', 'customer', '2020-01-01'
      FROM generate_series(1, 60) n`;
    const seen: { id: string; createTime: bigint }[] = [];
    let pageToken = '';
    do {
      const page = await admin.users.listUsers({ pageSize: 7, pageToken });
      expect(page.users.length).toBeLessThanOrEqual(7);
      seen.push(...page.users.map(({ id, createTime }) => ({ id, createTime: createTime?.seconds ?? 0n })));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    const [count] = await sql`SELECT count(*)::integer AS n FROM users WHERE deleted_at IS NULL`;
    expect(seen).toHaveLength(count?.n as number);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
    expect(seen.map(({ id }) => id)).not.toContain(gone.user.id);
    const times = seen.map(({ createTime }) => createTime);
    expect(times).toEqual(times.toSorted((a, b) => Number(b - a)));
    expect((await admin.users.listUsers({})).users).toHaveLength(50);
  });

  it('is for admins, and refuses tokens that it did not make', async () => {
    const [ada, admin] = await Promise.all([service.person(), service.person({ admin: true })]);
    expect(await failure(ada.users.listUsers({}))).toMatchObject({ code: 'PermissionDenied' });
    expect(await failure(admin.users.listUsers({ pageToken: 'AAAA' }))).toMatchObject({
      code: 'InvalidArgument',
      reason: 'PAGE_TOKEN_INVALID',
    });
    expect(await failure(admin.users.listUsers({ pageSize: 101 }))).toMatchObject({ fields: ['page_size'] });
  });
});
