import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';

/** This machine's addresses that others can reach. */
export const outside = Object.values(networkInterfaces())
  .flatMap((one) => one ?? [])
  .filter(({ internal, family }) => !internal && family === 'IPv4');

/** How a connection to this port of another of the machine's addresses ends. */
export function fromOutside(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve('connected');
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
  });
}
