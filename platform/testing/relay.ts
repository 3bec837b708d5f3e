import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A TCP relay in front of a real server, so that a test can take the network away from one client only. */
export interface Relay {
  /** The given URL, by way of the relay. */
  readonly url: string;
  /** Resets what is connected and refuses what comes: a server that was stopped. */
  cut(): Promise<void>;
  /** Accepts and keeps connections, but passes nothing on: a host that vanished. */
  freeze(): void;
  /** Ends {@link cut} or {@link freeze}. */
  restore(): Promise<void>;
}

/** Starts a relay to the host and port of `target`, for the test that runs. */
export async function createRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let frozen = false;
  const server = createServer((inner) => {
    const outer = connect(Number(port), hostname);
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(socket);
      socket.on('data', (bytes) => frozen || other.write(bytes));
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  const listen = (at: number): Promise<void> =>
    new Promise((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const bound = server.address() as { port: number };
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(bound.port);

  const cut = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  };
  onTestFinished(cut);
  return {
    url: url.href,
    cut,
    freeze: () => {
      frozen = true;
    },
    async restore() {
      frozen = false;
      if (!server.listening) await listen(bound.port);
    },
  };
}
