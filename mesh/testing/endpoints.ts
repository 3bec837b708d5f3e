import { loopback } from '../local/free-port.ts';

/** What an Envoy knows of one instance of a service. */
export interface KnownEndpoint {
  /** `healthy`, or what is wrong: `/failed_active_hc`. */
  readonly health: string;
  /** How many calls it was sent, health checks not among them. */
  readonly calls: number;
}

/** The instances of a service by the word of the Envoy with this admin port, by the ports that they are called on. */
export async function knownEndpoints(
  adminPort: number,
  service: string,
): Promise<ReadonlyMap<number, KnownEndpoint>> {
  const clusters = await (await fetch(`http://${loopback}:${adminPort}/clusters`)).text();
  const values = (name: string) =>
    clusters.matchAll(new RegExp(`^${service}::${loopback}:(\\d+)::${name}::(.*)$`, 'gm'));
  const calls = new Map([...values('rq_total')].map(([, port, count]) => [port, Number(count)]));
  return new Map(
    [...values('health_flags')].map(([, port, health = '']) => [
      Number(port),
      { health, calls: calls.get(port) ?? 0 },
    ]),
  );
}
