import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { chaosConfig } from './config.ts';
import { runChaos } from './run.ts';
import { summary } from './summary.ts';

describe.each(['embedded', 'nats'] as const)('with events by %s', (events) => {
  const skipped = events === 'nats' && inject('natsServer') === '';
  it.skipIf(skipped)(
    'loses nothing and does nothing twice in a minute of kills, pauses, restarts and faults',
    async () => {
      const home = mkdtempSync(join(tmpdir(), 'souk-chaos-'));
      const report = await runChaos({ ...chaosConfig(), events, minutes: 1 }, home, () => {});
      console.log(summary(report));
      expect(report.violations).toEqual([]);

      // That it was put to the test.
      const { acts, spoilt, recovery, world, productEffects, brokered } = report;
      expect(acts.kill).toBeGreaterThanOrEqual(20);
      expect(acts.pause).toBeGreaterThanOrEqual(3);
      expect(acts.database).toBeGreaterThanOrEqual(1);
      expect(acts.broker).toBeGreaterThanOrEqual(events === 'nats' ? 3 : 0);
      expect(spoilt.delayed + spoilt.dropped).toBeGreaterThanOrEqual(1);
      expect(productEffects).toBeGreaterThanOrEqual(50);
      expect(brokered > 0).toBe(events === 'nats');
      expect(recovery.takenOver).toBeGreaterThanOrEqual(1);
      const placed = world.requests.filter(({ creation }) => creation === 'placed');
      expect(placed.length).toBeGreaterThanOrEqual(50);
      expect(placed.some(({ cancelled }) => cancelled === 'yes')).toBe(true);
      // What went wrong is looked into there.
      rmSync(home, { recursive: true, force: true });
    },
  );
});
