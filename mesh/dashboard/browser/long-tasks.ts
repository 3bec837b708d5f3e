import type { Page } from 'playwright-core';

/** Collects from now on what keeps a page from answering a key or a click at once: milliseconds of each task over 50. */
export async function watchLongTasks(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(`
    globalThis.longTasks = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longTasks.push(duration);
    }).observe({ type: 'longtask' });
  `);
  return () => page.evaluate<number[]>('longTasks');
}
