import { expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { createLogger } from './log.ts';

function capture() {
  const lines: string[] = [];
  const options = { service: 'order', instance: 'order-1', level: 'info' };
  return { lines, log: createLogger(options, { write: (line) => void lines.push(line) }) };
}
const parsed = (line: string | undefined) => JSON.parse(line ?? '{}');

test('a line says when, how severe, and where from', () => {
  const { lines, log } = capture();
  log.info({ requestId: 'r' }, 'call');
  log.debug('not at this level');
  expect(lines).toHaveLength(1);
  expect(parsed(lines[0])).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    service: 'order',
    instance: 'order-1',
    requestId: 'r',
    msg: 'call',
  });
});

test('secrets are redacted', () => {
  const { lines, log } = capture();
  log.info({
    password: 'hunter2',
    headers: { authorization: 'Bearer hunter2' },
    user: { email: 'hunter2@x' },
  });
  expect(lines.join()).not.toContain('hunter2');
});

test('an error is logged with its causes, but without statement, parameters and quoted data', () => {
  const { lines, log } = capture();
  const sql = Object.assign(new Error('invalid input syntax for type uuid: "hunter2"'), {
    code: '22P02',
    detail: 'Key (email)=(hunter2) already exists.',
    query: 'select hunter2',
    parameters: ['hunter2'],
    constraint_name: 'users_email_key',
  });
  log.error({ err: fail('INTERNAL', 'X', 'outer', { cause: sql }) }, 'failed');
  expect(lines.join()).not.toContain('hunter2');
  expect(parsed(lines[0]).err).toMatchObject({
    type: 'DomainError',
    reason: 'X',
    cause: {
      code: '22P02',
      constraint: 'users_email_key',
      message: 'invalid input syntax for type uuid: "…"',
    },
  });
});
