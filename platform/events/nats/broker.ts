import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../../telemetry/log.ts';

/** The connection to a broker, made anew for ever whenever it is lost. */
export interface Broker {
  /** The connection of the moment; undefined while the broker is away. */
  connection(): NatsConnection | undefined;
  /** Resolves to a connection as soon as there is one. Rejects when `signal` aborts. */
  connected(signal: AbortSignal): Promise<NatsConnection>;
  close(): Promise<void>;
}

/** How long to wait for the broker to answer, be it the connect or a request. */
export const ANSWER_TIMEOUT_MS = 2_000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** A broker that vanished is noticed after two of these. */
const PING_MS = 2_500;

/**
 * Connects to the broker that `url` names, `nats://user:password@host:port`: at once and in the background, so that a
 * service starts while the broker is away. An outage is logged once, without the credentials.
 *
 * @param name shown on the broker's pages
 */
export function connectBroker(url: string, name: string, log: Logger): Broker {
  const closing = new AbortController();
  let current: NatsConnection | undefined;
  let arrival = Promise.withResolvers<void>();
  let away = false;

  const outage = (cause: unknown) => {
    if (!away && !closing.signal.aborted) {
      log.warn({ reason: cause instanceof Error ? cause.message : 'closed' }, 'the event broker is away');
    }
    away = true;
  };

  const keep = async () => {
    let pause = SHORTEST_PAUSE_MS;
    while (!closing.signal.aborted) {
      try {
        // A new connection each time: nothing that was meant for one that broke is sent by the next.
        current = await connect({ ...serversOf(url), ...options, name });
        if (away) log.info('the event broker is back');
        away = false;
        arrival.resolve();
        const began = performance.now();
        if (closing.signal.aborted) await current.close();
        outage(await current.closed());
        if (performance.now() - began > LONGEST_PAUSE_MS) pause = SHORTEST_PAUSE_MS;
        current = undefined;
        // Not after a connect that failed: who waits has the promise of before.
        arrival = Promise.withResolvers();
      } catch (cause) {
        outage(cause);
      }
      await sleep(pause * (0.75 + Math.random() / 2), undefined, { signal: closing.signal }).catch(() => {});
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  };
  const keeping = keep();

  return {
    connection: () => current,
    async connected(signal) {
      const aborted = Promise.withResolvers<never>();
      const abort = () => aborted.reject(signal.reason);
      signal.addEventListener('abort', abort);
      try {
        for (;;) {
          signal.throwIfAborted();
          if (current) return current;
          await Promise.race([arrival.promise, aborted.promise]);
        }
      } finally {
        signal.removeEventListener('abort', abort);
      }
    },
    async close() {
      closing.abort();
      await current?.close();
      await keeping;
    },
  };
}

const options = {
  reconnect: false,
  timeout: ANSWER_TIMEOUT_MS,
  pingInterval: PING_MS,
  maxPingOut: 2,
  // They cost as much as the requests themselves.
  noAsyncTraces: true,
};

/** What the library wants apart: hosts, and a user with a password or, alone, a token. */
function serversOf(url: string) {
  const [, scheme, user, password, hosts = ''] =
    /^(nats|tls):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/]+)/.exec(url) ?? [];
  const given = user === undefined ? undefined : decodeURIComponent(user);
  return {
    servers: hosts.split(','),
    ...(scheme === 'tls' ? { tls: {} } : {}),
    ...(given === undefined
      ? {}
      : password === undefined
        ? { token: given }
        : { user: given, pass: decodeURIComponent(password) }),
  };
}
