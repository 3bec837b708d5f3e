import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '../../platform/db/database.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { refreshSales } from './sales-store.ts';

/** How far the best-selling list may lag behind the sales. */
const INTERVAL_MS = 10_000;

/** Keeps the ranks of the best-selling list up to date until `stopping`. Each instance may do so. */
export async function followSales(sql: Sql, log: Logger, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    try {
      await refreshSales(sql);
    } catch (error) {
      // The list is stale for a while, that's all.
      if (!stopping.aborted) log.warn({ err: error }, 'the best-selling list was not refreshed');
    }
    await sleep(INTERVAL_MS, undefined, { signal: stopping, ref: false }).catch(() => {});
  }
}
