import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { baseConfig, ConfigError, parseConfig } from './config.ts';
import { address, secret, serviceTokens } from './validators.ts';

const spec = { ...baseConfig('order'), SERVICE_TOKENS: serviceTokens(), PRODUCT_ADDRESS: address() };
const good = {
  PORT: '5001',
  DATABASE_URL: 'postgres://u:pass-word@127.0.0.1:5432/order_service',
  SERVICE_TOKENS: `order=${'s'.repeat(16)},user=${'t'.repeat(20)}=`,
  PRODUCT_ADDRESS: '127.0.0.1:9000',
};
const faultsOf = (environment: Record<string, string | undefined>): readonly string[] => {
  try {
    parseConfig(spec, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
};

test('values are typed, defaults fill in, the result is frozen', () => {
  const config = parseConfig(spec, { ...good, METRICS_PORT: '' });
  expect(config).toMatchObject({ HOST: '127.0.0.1', PORT: 5001, METRICS_PORT: 0, DATABASE_POOL_SIZE: 8 });
  expect(config.INSTANCE).toBe(`order-${process.pid}`);
  expect(config.SERVICE_TOKENS.get('user')).toBe(`${'t'.repeat(20)}=`);
  expect(Object.isFrozen(config)).toBe(true);
});

test('all faults are reported together, and none repeats a value', () => {
  const bad = {
    ...good,
    PORT: 'http',
    DATABASE_URL: 'pass-word',
    EVENTS_URL: 'nats://souk:pass-word@',
    SERVICE_TOKENS: 'order=pass-word',
    DRAIN_TIMEOUT_MS: '0',
  };
  const faults = faultsOf({ ...bad, PRODUCT_ADDRESS: undefined });
  expect(faults.map((fault) => fault.split(' ')[0]).toSorted()).toEqual([
    'DATABASE_URL',
    'DRAIN_TIMEOUT_MS',
    'EVENTS_URL',
    'PORT',
    'PRODUCT_ADDRESS',
    'SERVICE_TOKENS',
  ]);
  expect(faults.join()).not.toContain('pass-word');
});

test.each([
  ['PORT', '65536'],
  ['PORT', '-1'],
  ['PORT', '1e3'],
  ['LOG_LEVEL', 'loud'],
  ['INSTANCE', 'a b'],
  ['HOST', 'a/b'],
  ['PRODUCT_ADDRESS', 'product'],
  ['PRODUCT_ADDRESS', '127.0.0.1:80,127.0.0.1:81'],
  ['PRODUCT_ADDRESS', 'ipv4:127.0.0.1:80,'],
  ['DATABASE_URL', 'mysql://u@h/d'],
  ['DATABASE_URL', 'postgres://u@a,b/d?target_session_attrs=standby'],
  ['DATABASE_POOL_SIZE', '0'],
  ['EVENTS_URL', 'http://127.0.0.1:4222'],
  ['SERVICE_TOKENS', `order=${'s'.repeat(16)},order=${'s'.repeat(16)}`],
])('%s=%s is a fault', (name, value) => {
  expect(faultsOf({ ...good, [name]: value })).toHaveLength(1);
});

test.each([
  '127.0.0.1:1',
  'dns:///product.souk:80',
  '[::1]:80',
  'ipv4:127.0.0.1:80',
  'ipv4:127.0.0.1:80,127.0.0.1:81',
  'ipv6:[::1]:80,[::2]:80',
])('%s is an address', (value) => {
  expect(faultsOf({ ...good, PRODUCT_ADDRESS: value })).toEqual([]);
});

test.each(['nats://127.0.0.1:4222', 'tls://token@nats', 'nats://u:p%40ss@a:4222,b:4222'])(
  '%s is a broker',
  (value) => {
    expect(parseConfig(spec, { ...good, EVENTS_URL: value }).EVENTS_URL).toBe(value);
  },
);

test.each(['postgres://u:p@a:5432,b:5433/d?target_session_attrs=read-write', 'postgresql://u@[::1],b/d'])(
  '%s is a database',
  (value) => {
    expect(faultsOf({ ...good, DATABASE_URL: value })).toEqual([]);
  },
);

test('without a broker EVENTS_URL is empty', () => {
  expect(parseConfig(spec, { ...good, EVENTS_URL: '' }).EVENTS_URL).toBe('');
});

test('a short secret is a fault', () => {
  expect(() => parseConfig({ SERVICE_TOKEN: secret() }, { SERVICE_TOKEN: 'short' })).toThrow(
    'SERVICE_TOKEN must have',
  );
});

test('a process with a faulty environment says so and exits with code 1', () => {
  const url = new URL('./config.ts', import.meta.url).href;
  const script = `const { loadConfig, baseConfig } = await import('${url}'); loadConfig(baseConfig('order'))`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { PORT: 'x' },
    encoding: 'utf8',
  });
  expect(run.status).toBe(1);
  expect(run.stderr).toContain('PORT must be');
  expect(run.stderr).toContain('DATABASE_URL is missing');
});
