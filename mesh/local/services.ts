import { join } from 'node:path';
import { repository } from './config.ts';

/** A service of the shop, as the launcher runs it. */
export interface ServiceSpec {
  readonly name: string;
  /** The services that it calls, through Envoy: it starts with their addresses. */
  readonly calls: readonly string[];
  /** Variables that hold a generated secret, the same at each start. */
  readonly secrets?: readonly string[];
}

/**
 * The shop's services, in the reverse of the order in which they stop: a call needs those before its own. What user and
 * product ask of order, about branches that were left hanging, can wait until it is back.
 */
export const services: readonly ServiceSpec[] = [
  { name: 'user', calls: ['order'], secrets: ['SIGNING_KEY_SECRET'] },
  { name: 'product', calls: ['user', 'order'] },
  { name: 'order', calls: ['user', 'product'] },
];

/** The program of a service; `seed` for the one that loads its example data. `folder` is that of another version. */
export function entryPoint(service: string, program: 'main' | 'seed' = 'main', folder = repository): string {
  return join(folder, 'services', service, `${program}.ts`);
}
