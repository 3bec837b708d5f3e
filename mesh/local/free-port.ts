import { randomInt } from 'node:crypto';
import getPort from 'get-port';

/** The loopback address that everything of a shop on one machine listens on. */
export const loopback = '127.0.0.1';

const kept = new Set<number>();

/** From now on freePort gives this one to nobody: whoever it is for will listen there a moment later. */
export function keepPort(port: number): void {
  kept.add(port);
}

/**
 * A free port on loopback. Below the range from which systems take the ports of outgoing connections (32768 on
 * Linux), so that none of those takes it between now and the bind, or while a server restarts; from a random start,
 * so that two shops that start together seldom want the same one.
 *
 * @param preferred taken instead where it is free: a restarted process keeps its port
 */
export function freePort(preferred?: number): Promise<number> {
  const start = randomInt(20_000, 32_000);
  const candidates = Array.from({ length: 500 }, (_, i) => start + i);
  const port = preferred === undefined ? candidates : [preferred, ...candidates];
  return getPort({ port, exclude: kept, host: loopback });
}
