import { randomUUID } from 'node:crypto';
import { file_shop_user_v1_user_events as types } from '@souk/contracts/shop/user/v1/user_events_pb.js';
import { Role } from '@souk/contracts/shop/user/v1/user_pb.js';
import { describe, expect, it } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { publishedEvents } from '../../platform/testing/published-events.ts';
import { failure, startService, untilBlocked } from './test-service.ts';
import { insertFirstAdmin, insertUser } from './user-store.ts';

const service = await startService();
const { sql } = service.db;
const open = service.users();
const admin = await service.person({ admin: true });

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traced = { headers: { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` } };

const registration = () => ({
  requestId: randomUUID(),
  email: `${randomUUID()}@souk.example`,
  password: service.password,
  displayName: 'Ada',
});
const grant = (userId: string, minorUnits = 5n, currencyCode = 'EUR') => ({
  requestId: randomUUID(),
  userId,
  amount: { currencyCode, minorUnits },
});
const ofType = (name: string, fields: object) => ({ $typeName: `shop.user.v1.${name}`, ...fields });

/** What was published about a user, in order. */
async function about(userId = ''): Promise<unknown[]> {
  const events = await publishedEvents(sql, types);
  return events.filter(({ subject }) => subject === userId).map(({ message }) => message);
}

/** Whatever the calls that must fail do, there is no event of it. */
async function withoutEvents(work: () => Promise<unknown>): Promise<void> {
  const before = await publishedEvents(sql, types);
  await work();
  expect(await publishedEvents(sql, types)).toHaveLength(before.length);
}

describe('an account', () => {
  it('that was made is told once, however often it is asked for', async () => {
    const request = registration();
    const [first] = await Promise.all([1, 2, 3].map(() => open.register(request)));
    const { user } = await open.register(request);
    expect(user).toEqual(first?.user);
    const expected = { userId: user?.id, role: Role.CUSTOMER, version: 1n };
    expect(await about(user?.id)).toMatchObject([ofType('UserRegistered', expected)]);
    await withoutEvents(async () => {
      await failure(open.register({ ...request, requestId: randomUUID() }));
      await failure(open.register({ ...request, displayName: 'Eve' }));
    });
  });

  it('that is the first admin is told too', async () => {
    const id = uuidv7();
    const user = { id, email: `${id}@x`, displayName: 'A', passwordHash: '-', role: 'admin' } as const;
    await withoutEvents(() => insertFirstAdmin(sql, user));
    await sql`UPDATE users SET role = 'customer' WHERE role = 'admin'`;
    await insertFirstAdmin(sql, user);
    await sql`UPDATE users SET role = 'admin' WHERE id = ${admin.user.id}`;
    expect(await about(user.id)).toMatchObject([ofType('UserRegistered', { role: Role.ADMIN })]);
  });

  it('that was changed is told with its role and version, and a new password is not told', async () => {
    const { user, users } = await service.person();
    const change = { id: user.id, displayName: 'Grace', role: Role.ADMIN };
    await users.updateUser({ user: change, updateMask: { paths: ['display_name'] } });
    await admin.users.updateUser({ user: change, updateMask: { paths: ['role'] } });
    await users.changePassword({ currentPassword: service.password, newPassword: 'another password' });
    expect(await about(user.id)).toMatchObject([
      ofType('UserRegistered', { version: 1n }),
      ofType('UserUpdated', { userId: user.id, role: Role.CUSTOMER, version: 2n }),
      ofType('UserUpdated', { userId: user.id, role: Role.ADMIN, version: 3n }),
    ]);
    await withoutEvents(async () => {
      const update = (fields: object, path: string) =>
        failure(users.updateUser({ user: { ...change, ...fields }, updateMask: { paths: [path] } }));
      await update({ etag: 'v1' }, 'display_name');
      await update({ email: admin.email }, 'email');
    });
  });

  it('that was deleted is told once', async () => {
    const { user, users } = await service.person();
    await users.deleteUser({});
    await users.deleteUser({});
    await failure(admin.users.deleteUser({ userId: user.id }));
    expect((await about(user.id)).slice(1)).toMatchObject([
      ofType('UserDeleted', { userId: user.id, version: 2n }),
    ]);
  });

  it('that may not be deleted is not told', async () => {
    await sql`UPDATE users SET role = 'customer' WHERE id <> ${admin.user.id}`;
    await withoutEvents(() => failure(admin.users.deleteUser({})));
  });
});

describe('credit', () => {
  it('that was granted is told once, with its amount', async () => {
    const { user } = await service.person();
    const request = { ...grant(user.id, 250n, 'USD'), userId: user.id.toUpperCase() };
    await Promise.all([1, 2, 3].map(() => admin.wallets.grantCredit(request)));
    const expected = { userId: user.id, amount: { currencyCode: 'USD', minorUnits: 250n } };
    expect((await about(user.id)).slice(1)).toMatchObject([ofType('CreditGranted', expected)]);
    await withoutEvents(async () => {
      await sql`
        INSERT INTO ledger_entries (user_id, currency, kind, available, held, granted_by)
        VALUES (${user.id}, 'USD', 'grant', ${10n ** 15n - 250n}, 0, ${admin.user.id})`;
      await failure(admin.wallets.grantCredit(grant(user.id, 1n, 'USD')));
      await failure(admin.wallets.grantCredit(grant(randomUUID())));
    });
  });

  it.each([
    ['delete_user', "SELECT delete_user('%')", 'USER_NOT_FOUND'],
    ['another grant', "SELECT grant_credit('%', 'USD', 1, '%')", undefined],
  ])('waits for %s, where that came first', async (_, statement, reason) => {
    const { user } = await service.person();
    const { call } = await sql.begin(async (tx) => {
      await tx.unsafe(statement.replaceAll('%', user.id));
      const call = admin.wallets.grantCredit(grant(user.id)).then(
        () => undefined,
        () => 'USER_NOT_FOUND',
      );
      await untilBlocked(sql);
      return { call };
    });
    expect(await call).toBe(reason);
  });
});

it('an event continues the trace of the call that caused it', async () => {
  const { user, users } = await service.person();
  const made = (await open.register(registration(), traced)).user;
  const updateMask = { paths: ['display_name'] };
  await users.updateUser({ user: { id: user.id, displayName: 'B' }, updateMask }, traced);
  await admin.wallets.grantCredit(grant(user.id), traced);
  await users.deleteUser({}, traced);
  const events = (await publishedEvents(sql, types)).filter(({ traceparent }) => traceparent.includes(TRACE));
  expect(events.map(({ subject, message }) => [subject, message.$typeName.split('.').at(-1)])).toEqual([
    [made?.id, 'UserRegistered'],
    [user.id, 'UserUpdated'],
    [user.id, 'CreditGranted'],
    [user.id, 'UserDeleted'],
  ]);
});

it('the publisher is told after each change', async () => {
  const woken = async (call: Promise<unknown>) => {
    const before = service.wakes();
    await call;
    return service.wakes() - before;
  };
  const { user, users } = await service.person();
  const updateMask = { paths: ['display_name'] };
  expect(await woken(open.register(registration()))).toBe(1);
  expect(await woken(users.updateUser({ user: { id: user.id, displayName: 'B' }, updateMask }))).toBe(1);
  expect(await woken(admin.wallets.grantCredit(grant(user.id)))).toBe(1);
  expect(await woken(users.deleteUser({}))).toBe(1);
});

it('the events are served: to other services, and to admins who look after them', async () => {
  expect((await admin.events.listEventConsumers({})).consumers).toEqual([]);
  expect((await admin.events.rebuildCopies({})).partitions).toBe(0);
  const denied = { code: 'PermissionDenied' };
  const { events } = await service.person();
  expect(await failure(events.listEventConsumers({}))).toMatchObject(denied);
  expect(await failure(admin.events.acknowledgeEvents({ partitions: [{ partition: 0 }] }))).toMatchObject(
    denied,
  );
});

describe('a change and its event', () => {
  it('are undone together', async () => {
    const id = uuidv7();
    await withoutEvents(async () => {
      const work = sql.begin(async (tx) => {
        await insertUser(tx, { id, email: 'gone@x', displayName: 'A', passwordHash: '-', role: 'customer' });
        throw new Error('stop');
      });
      await expect(work).rejects.toThrow('stop');
    });
    expect(await sql`SELECT FROM users WHERE id = ${id}`).toHaveLength(0);
  });

  it('are made together: without the one there is not the other', async () => {
    const { user, users } = await service.person();
    await sql.unsafe(`
      CREATE OR REPLACE FUNCTION no_events() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE serialization_failure; END';
      CREATE OR REPLACE TRIGGER no_events BEFORE INSERT ON outbox EXECUTE FUNCTION no_events()`);
    const state = () => sql`
      SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM ledger_entries) AS entries,
        (SELECT count(*) FROM requests) AS requests, version, deleted_at FROM users WHERE id = ${user.id}`;
    const before = await state();
    const updateMask = { paths: ['display_name'] };
    const failures = await Promise.all(
      [
        open.register(registration()),
        users.updateUser({ user: { id: user.id, displayName: 'B' }, updateMask }),
        admin.wallets.grantCredit(grant(user.id)),
        users.deleteUser({}),
      ].map(failure),
    );
    expect(failures.map(({ code }) => code)).toEqual(['Aborted', 'Aborted', 'Aborted', 'Aborted']);
    await sql.unsafe('DROP TRIGGER no_events ON outbox');
    expect(await state()).toEqual(before);
  });
});

it('what is published holds no name, address or password', async () => {
  const secrets = ['Ada Personal', 'ada@personal.example', 'a personal password', 'Grace Personal'];
  const [displayName = '', email = '', password = '', newName = ''] = secrets;
  const { user } = await open.register({ requestId: randomUUID(), email, password, displayName });
  const { session } = await open.login({ email, password });
  const users = service.users(session?.accessToken ?? '');
  const change = { id: user?.id ?? '', displayName: newName, email: 'grace@personal.example' };
  await users.updateUser({ user: change, updateMask: { paths: ['display_name', 'email'] } });
  await users.changePassword({ currentPassword: password, newPassword: 'another personal password' });
  await admin.wallets.grantCredit(grant(user?.id ?? ''));
  await users.deleteUser({});
  const events = await publishedEvents(sql, types);
  expect(events.filter(({ subject }) => subject === user?.id)).toHaveLength(4);
  const rows = await sql<{ text: string }[]>`
    SELECT outbox::text AS text FROM outbox UNION ALL SELECT events::text FROM events`;
  const texts = [...rows.map(({ text }) => text), ...events.map(({ data }) => Buffer.from(data).toString())];
  for (const text of texts) expect(text).not.toMatch(/personal|grace|@|correct horse/i);
  const fields = types.messages.flatMap((message) => message.fields.map(({ name }) => name));
  expect(new Set(fields)).toEqual(new Set(['user_id', 'role', 'version', 'amount']));
});
