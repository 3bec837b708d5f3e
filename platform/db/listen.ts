import { setTimeout as sleep } from 'node:timers/promises';
import type { Servers } from './servers.ts';

/** A subscription to notifications. */
export interface Listener {
  close(): Promise<void>;
}

const RETRY_MS = 500;

/**
 * Listens on a channel by a connection of its own, which is made again whenever it is lost, also the first time.
 * Notifications sent while there was none are lost: `onListening` is called after each connect, so that the caller
 * can catch up.
 *
 * @param onNotify takes each notification's payload
 */
export function listen(
  servers: Servers,
  channel: string,
  onNotify: (payload: string) => void,
  onListening: () => void = () => {},
): Listener {
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve());
  });

  const connection = async () => {
    const client = servers.client({ keepAlive: true, connectionTimeoutMillis: 2_000 });
    const lost = new Promise<void>((resolve) => {
      client.on('error', () => resolve()).on('end', () => resolve());
    });
    client.on('notification', ({ payload }) => onNotify(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      onListening();
      await Promise.race([lost, stopped]);
    } catch {
      // The next attempt tells.
    } finally {
      await client.end().catch(() => {});
    }
  };

  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await connection();
      await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();

  return {
    async close() {
      stopping.abort();
      await loop;
    },
  };
}
