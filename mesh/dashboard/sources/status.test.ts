import { expect, test } from 'vitest';
import { outcomeOf, STATUSES, statusName } from './status.ts';

test("Envoy's names are gRPC's", () => {
  expect(['OK', 'DeadlineExceeded', 'Unavailable', 'Canceled', '14'].map(statusName)).toEqual([
    'OK',
    'DEADLINE_EXCEEDED',
    'UNAVAILABLE',
    'CANCELLED',
    'UNAVAILABLE',
  ]);
});

test('the shop is to blame for what its callers could not have avoided', () => {
  expect(STATUSES.filter((status) => outcomeOf(status) === 'failed')).toEqual([
    'UNKNOWN',
    'DEADLINE_EXCEEDED',
    'RESOURCE_EXHAUSTED',
    'UNIMPLEMENTED',
    'INTERNAL',
    'UNAVAILABLE',
    'DATA_LOSS',
  ]);
});
