import { describe, expect, it } from 'vitest';
import { generatorsFor, loadConfig } from './config.ts';

describe('what a load is told', () => {
  it('is what the variables say', () => {
    const env = {
      RATE: '300',
      DURATION: '2m',
      MIX: 'checkout',
      PROFILE: 'ramp',
      SEED: '7',
      FIND: '',
      COMPARE: '',
    };
    expect(loadConfig({}, env)).toMatchObject({
      ...{ rate: 300, durationS: 120, mix: 'checkout', profile: 'ramp', seed: 7, warmUpS: 0, find: false },
      compare: [],
    });
    expect(loadConfig({}, { DURATION: '90' })).toMatchObject({ durationS: 90, mix: 'shop', warmUpS: 20 });
    expect(loadConfig({}, { FIND: 'max' }).find).toBe(true);
    expect(loadConfig({}, {}).seed).not.toBe(loadConfig({}, {}).seed);
  });

  it('is else what the report had that it is compared with', () => {
    const baseline = { rate: 40, mix: 'hot', seed: 9 } as const;
    expect(loadConfig(baseline, { COMPARE: 'report.json', RATE: '50' })).toMatchObject({
      ...{ rate: 50, mix: 'hot', seed: 9, compare: ['report.json'] },
    });
  });

  it.each([
    [{ MIX: 'all' }, 'MIX must be shop, browse, checkout or hot, not "all"'],
    [{ PROFILE: 'wave' }, 'PROFILE must be steady, ramp or step, not "wave"'],
    [{ RATE: 'fast' }, 'RATE must be a number from 1 to 10000, not "fast"'],
    [{ RATE: '0' }, 'RATE must be a number from 1 to 10000, not "0"'],
    [{ DURATION: '5h' }, 'DURATION must be a time from 1s to 60m, such as 90s or 2m, not "5h"'],
    [{ FIND: 'min' }, 'FIND must be max, not "min"'],
    [{ SEED: '-1' }, 'SEED must be a number from 0 to 4294967295, not "-1"'],
    [{ FIND: 'max', COMPARE: 'a.json' }, "FIND and COMPARE don't go together: use one of them"],
  ])('is refused with the cure: %o', (env, message) => {
    expect(() => loadConfig({}, env)).toThrow(message);
  });

  it('names all faults at once', () => {
    expect(() => loadConfig({}, { MIX: 'x', RATE: 'y' })).toThrow(/^RATE [^;]*; MIX [^;]*$/);
  });

  it('has more generators for more calls, and no more than cores', () => {
    expect(generatorsFor(300)).toBe(1);
    expect(generatorsFor(1e6)).toBeGreaterThanOrEqual(generatorsFor(2_000));
  });
});
