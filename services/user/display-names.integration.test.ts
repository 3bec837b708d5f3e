import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { failure, startService } from './test-service.ts';

const service = await startService();
const [ada, gone, admin] = await Promise.all([
  service.person(),
  service.person(),
  service.person({ admin: true }),
]);

it('answers what living accounts are called, and leaves out the others', async () => {
  await ada.users.updateUser({
    user: { id: ada.user.id, displayName: 'Ada' },
    updateMask: { paths: ['display_name'] },
  });
  await gone.users.deleteUser({});
  const userIds = [ada.user.id.toUpperCase(), ada.user.id, gone.user.id, randomUUID()];
  const { names } = await service.orderUsers.batchGetDisplayNames({ userIds });
  expect(names).toMatchObject([{ userId: ada.user.id, displayName: 'Ada', version: 2n }]);
});

it('is for the order service alone, and for 1 to 500 ids', async () => {
  const request = { userIds: [ada.user.id] };
  expect(await failure(service.users().batchGetDisplayNames(request))).toMatchObject({
    code: 'Unauthenticated',
  });
  for (const { users } of [ada, admin])
    expect(await failure(users.batchGetDisplayNames(request))).toMatchObject({ code: 'PermissionDenied' });
  for (const userIds of [[], ['x'], Array.from({ length: 501 }, () => randomUUID())])
    expect(await failure(service.orderUsers.batchGetDisplayNames({ userIds }))).toMatchObject({
      code: 'InvalidArgument',
    });
  const all = Array.from({ length: 500 }, () => randomUUID());
  expect((await service.orderUsers.batchGetDisplayNames({ userIds: all })).names).toEqual([]);
});
