import { join } from 'node:path';
import { repository } from './config.ts';

/** A service of the shop, as the launcher runs it. */
export interface ServiceSpec {
  readonly name: string;
  /** The services that it calls, through Envoy: it starts with their addresses and stops before they do. */
  readonly calls: readonly string[];
  /** Variables that hold a generated secret, the same at each start. */
  readonly secrets?: readonly string[];
}

/** The shop's services, callees first. */
export const services: readonly ServiceSpec[] = [
  { name: 'user', calls: [], secrets: ['SIGNING_KEY_SECRET'] },
  { name: 'product', calls: ['user'] },
  { name: 'order', calls: ['user', 'product'] },
];

/** The program of a service; `seed` for the one that loads its example data. */
export function entryPoint(service: string, program: 'main' | 'seed' = 'main'): string {
  return join(repository, 'services', service, `${program}.ts`);
}
