import { createServer } from 'node:net';
import { loopback } from './free-port.ts';

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
