import { setTimeout as sleep } from 'node:timers/promises';
import type { Shop } from '../mesh/local/shop.ts';
import { readState } from '../mesh/local/state.ts';

/** How long a broker that was killed may take to serve again, in milliseconds. */
const PATIENCE_MS = 20_000;

/** How many messages the streams of a shop's broker hold, by its own word. Waits for a broker that is starting. */
export async function brokerMessages(shop: Pick<Shop, 'paths'>): Promise<number> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const broker = readState(shop.paths)?.processes.find(({ kind }) => kind === 'nats');
    try {
      const answer = await fetch(`http://127.0.0.1:${broker?.adminPort}/jsz`);
      return ((await answer.json()) as { messages: number }).messages;
    } catch (cause) {
      if (Date.now() > end) throw cause;
      await sleep(100);
    }
  }
}
