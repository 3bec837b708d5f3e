import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Does `work` again and again until `stopping`, with a pause of about `everyMs` before each time: a quarter more or
 * less, so that replicas that were started together spread out. Keeps no process alive. Rejects when `work` does.
 */
export async function repeat(
  everyMs: number,
  stopping: AbortSignal,
  work: () => Promise<unknown>,
): Promise<void> {
  while (!stopping.aborted) {
    try {
      await sleep(everyMs * (0.75 + Math.random() / 2), undefined, { signal: stopping, ref: false });
    } catch {
      return;
    }
    await work();
  }
}
