import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hasNats } from '../../platform/testing/nats.ts';
import { type Shop, startShop } from '../local/shop.ts';
import { viewShop } from './shop-view.ts';

const patience = { timeout: 60_000 };

const why = hasNats() ? '' : ' (skipped: there is no nats-server)';

describe.skipIf(!hasNats())(`with a standby and a broker${why}`, () => {
  let home = '';
  /** How each of them was seen to be, by its name. */
  const seen: Record<string, string[]> = {};
  let shop: Shop;
  const look = () => {
    const { parts } = viewShop(shop, new Map(), { controls: false, traces: false });
    for (const { name, up, synchronous = true } of parts) {
      const how = !up ? 'down' : synchronous ? 'well' : 'behind';
      seen[name] ??= [];
      if (seen[name].at(-1) !== how) seen[name].push(how);
    }
  };
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'souk-parts-'));
    shop = await startShop({ home, database: 'ha', events: 'nats', replicas: 1 });
    await vi.waitFor(() => expect(shop.standby?.synchronous()).toBe(true), patience);
    shop.watch(look);
    look();
  });
  afterAll(async () => {
    await shop?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it('shows that one is down, and that it is back', async () => {
    expect(seen).toEqual({
      gateway: ['well'],
      postgres: ['well'],
      'postgres-standby': ['well'],
      nats: ['well'],
    });
    for (const name of ['nats', 'postgres-standby']) expect(shop.kill(name)).toBe(true);
    await expect.poll(() => seen.nats, patience).toEqual(['well', 'down', 'well']);
    // Whether the primary or the launcher is the first to know is chance.
    await expect
      .poll(() => seen['postgres-standby'], patience)
      .toEqual(expect.arrayContaining(['down', 'behind']));
    await expect.poll(() => seen['postgres-standby']?.at(-1), patience).toBe('well');
    expect(seen.postgres).toEqual(['well']);
  });
});
