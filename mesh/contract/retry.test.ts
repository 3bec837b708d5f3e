import { describe, expect, it } from 'vitest';
import { LEASE_SECONDS } from '../../platform/transaction/log.ts';
import { readContractFile } from '../envoy/contract.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { tryTimeoutMs } from './retry.ts';

describe('one try', () => {
  it.each([
    [1_000, 500],
    [2_000, 1_000],
    [5_000, 2_500],
    [10_000, 7_000],
  ])('of a call that may take %i ms takes %i at most', (timeoutMs, tryMs) => {
    expect(tryTimeoutMs({ timeoutMs, streaming: false })).toBe(tryMs);
  });

  it('has no bound where the call has none', () => {
    expect(tryTimeoutMs({ timeoutMs: 0, streaming: true })).toBeUndefined();
  });

  it('of what takes an order over from an instance that died outlasts its lease', () => {
    const create = readContractFile(descriptorSetFile).find(({ path }) => path.endsWith('/CreateOrder'));
    expect(tryTimeoutMs(create as NonNullable<typeof create>)).toBeGreaterThan(LEASE_SECONDS * 1_000 + 500);
  });
});
