import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Servers } from './servers.ts';

/** A subscription to notifications. */
export interface Listener {
  close(): Promise<void>;
}

/**
 * Listens on a channel. Notifications sent while there is no connection are lost: `onListening` is called after each
 * connect, so that the caller can catch up.
 *
 * @param onNotify takes each notification's payload
 */
export type Listen = (
  channel: string,
  onNotify: (payload: string) => void,
  onListening?: () => void,
) => Listener;

interface Ear {
  readonly channel: string;
  readonly onNotify: (payload: string) => void;
  readonly onListening: () => void;
}

const RETRY_MS = 500;

/**
 * Listens on all channels by one connection, which is made again whenever it is lost, also the first time: each
 * notification wakes all server processes that listen on anything in the database.
 */
export function createListen(servers: Servers): Listen {
  const ears = new Set<Ear>();
  let connection: ReturnType<typeof keepConnected> | undefined;

  return (channel, onNotify, onListening = () => {}) => {
    const ear: Ear = { channel, onNotify, onListening };
    ears.add(ear);
    connection ??= keepConnected(servers, ears);
    const mine = connection;
    mine.add(ear);
    return {
      async close() {
        ears.delete(ear);
        if (ears.size > 0) return;
        if (connection === mine) connection = undefined;
        await mine.close();
      },
    };
  };
}

/** Keeps a connection for `ears`, until it is closed. */
function keepConnected(servers: Servers, ears: ReadonlySet<Ear>) {
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve());
  });
  let connected: Client | undefined;

  const listen = async (client: Client, ear: Ear): Promise<void> => {
    await client.query(`listen ${client.escapeIdentifier(ear.channel)}`);
    ear.onListening();
  };

  const connect = async () => {
    const client = servers.client({ keepAlive: true, connectionTimeoutMillis: 2_000 });
    const lost = new Promise<void>((resolve) => {
      client.on('error', () => resolve()).on('end', () => resolve());
    });
    client.on('notification', ({ channel, payload }) => {
      for (const ear of ears) if (ear.channel === channel) ear.onNotify(payload ?? '');
    });
    try {
      await client.connect();
      connected = client;
      await Promise.all([...ears].map((ear) => listen(client, ear)));
      await Promise.race([lost, stopped]);
    } catch {
      // The next attempt tells.
    } finally {
      connected = undefined;
      await client.end().catch(() => {});
    }
  };

  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await connect();
      await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();

  return {
    /** Of one that is new. While there is no connection, the next one brings it. */
    add(ear: Ear): void {
      // Should it fail, the connection is made again.
      const client = connected;
      if (client !== undefined) void listen(client, ear).catch(() => client.end());
    },
    async close(): Promise<void> {
      stopping.abort();
      await loop;
    },
  };
}
