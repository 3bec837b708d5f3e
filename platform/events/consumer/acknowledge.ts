import { repeat } from '../../lifecycle/repeat.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { EventSource, Positions } from '../source.ts';

const EVERY_MS = 1_000;

/**
 * Tells a publisher about once a second how far the effects are committed, until `stopping`. A failure is no harm: the
 * next time tells more.
 */
export async function acknowledge(
  source: EventSource,
  committed: () => Positions,
  log: Logger,
  stopping: AbortSignal,
): Promise<void> {
  const acknowledged = new Map<number, bigint>();
  await repeat(EVERY_MS, stopping, async () => {
    const news = new Map(
      [...committed()].filter(([partition, position]) => acknowledged.get(partition) !== position),
    );
    if (news.size === 0) return;
    try {
      await source.acknowledge(news);
      for (const [partition, position] of news) acknowledged.set(partition, position);
    } catch (err) {
      log.debug({ err }, 'the publisher could not be told how far this is');
    }
  });
}
