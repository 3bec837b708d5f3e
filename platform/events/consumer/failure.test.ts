import pg from 'pg';
import { expect, test } from 'vitest';
import { fail, type Kind } from '../../errors.ts';
import { unknownVersion } from './catalogue.ts';
import { isTechnical, nameFailure } from './failure.ts';

const sqlState = (code: string) => Object.assign(new pg.DatabaseError('hunter2', 7, 'error'), { code });

test.each<[Kind, boolean]>([
  ['UNAVAILABLE', true],
  ['DEADLINE_EXCEEDED', true],
  ['RESOURCE_EXHAUSTED', true],
  ['CANCELLED', true],
  ['NOT_FOUND', false],
  ['INTERNAL', false],
  ['ABORTED', false],
])('%s of a lookup is technical: %s', (kind, technical) => {
  expect(isTechnical(fail(kind, 'X', 'x'))).toBe(technical);
});

test.each([
  ['40001', true],
  ['40P01', true],
  ['57P01', true],
  ['08006', true],
  ['53100', true],
  ['55P03', true],
  ['25006', true],
  ['25P03', true],
  ['57014', false],
  ['23505', false],
  ['22P02', false],
  ['42P01', false],
])('SQLSTATE %s is technical: %s', (code, technical) => {
  expect(isTechnical(sqlState(code))).toBe(technical);
});

test('a failure is named without its text', () => {
  const named = [
    sqlState('23505'),
    fail('NOT_FOUND', 'NO_PRODUCT', 'hunter2'),
    new TypeError('hunter2'),
    'hunter2',
  ];
  expect(named.map(nameFailure)).toEqual(['SQLSTATE 23505', 'NOT_FOUND NO_PRODUCT', 'TypeError', 'string']);
  expect(nameFailure(unknownVersion('x.v2.Y'))).toBe('UNKNOWN_VERSION');
});
