import { createServer } from 'node:net';
import { Cure } from './cure.ts';
import { keepPort, loopback } from './free-port.ts';

/** Whether something listens already on a port of this machine's loopback address (0 never is taken). */
export function isPortTaken(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') resolve(true);
      else reject(cause);
    });
    probe.listen(port, loopback, () => probe.close(() => resolve(false)));
  });
}

/**
 * Keeps a port for whoever was given it.
 *
 * @throws Cure that names the variable by which another port is chosen, if a program listens on this one
 */
export async function refuseTaken(variable: string, port: number): Promise<void> {
  if (await isPortTaken(port)) {
    throw new Cure(`port ${port} is taken by another program: stop it, or choose another by ${variable}`);
  }
  keepPort(port);
}
