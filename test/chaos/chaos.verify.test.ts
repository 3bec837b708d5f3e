import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { chaosConfig } from './config.ts';
import { runChaos } from './run.ts';
import { summary } from './summary.ts';

it('loses nothing and does nothing twice in a minute of kills, pauses, restarts and faults', async () => {
  const home = mkdtempSync(join(tmpdir(), 'souk-chaos-'));
  const report = await runChaos({ ...chaosConfig(), minutes: 1 }, home, () => {});
  console.log(summary(report));
  expect(report.violations).toEqual([]);

  // That it was put to the test.
  const { acts, spoilt, recovery, world } = report;
  expect(acts.kill).toBeGreaterThanOrEqual(20);
  expect(acts.pause).toBeGreaterThanOrEqual(3);
  expect(acts.database).toBeGreaterThanOrEqual(1);
  expect(spoilt.delayed + spoilt.dropped).toBeGreaterThanOrEqual(1);
  expect(recovery.takenOver).toBeGreaterThanOrEqual(1);
  const placed = world.requests.filter(({ creation }) => creation === 'placed');
  expect(placed.length).toBeGreaterThanOrEqual(50);
  expect(placed.some(({ cancelled }) => cancelled === 'yes')).toBe(true);
  // What went wrong is looked into there.
  rmSync(home, { recursive: true, force: true });
});
