import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cure } from './cure.ts';

/** The folder of the clone. */
export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** What the environment says, checked. */
export interface LauncherConfig {
  /** SOUK_HOME: the folder of data, logs, secrets and state. Default `.souk` in the clone. */
  readonly home: string;
  /** GATEWAY_PORT: default 8080; 0 picks a free one. */
  readonly gatewayPort: number;
  /** REPLICAS: instances of each service, 1 to 8. Default 2. */
  readonly replicas: number;
  /** ENVOY_BIN: an Envoy to use in place of any other. */
  readonly envoyBin: string | undefined;
  /** PATH, where Envoy and Python are looked for. */
  readonly path: string;
  /** DETACH=1: `up` returns when the shop serves. */
  readonly detach: boolean;
  /** SERVICE: what `logs` shows: a service (order), an instance (order-1), postgres, envoy or launcher. */
  readonly service: string | undefined;
  /** FOLLOW=1: `logs` goes on until Ctrl-C. */
  readonly follow: boolean;
  /** YES=1: `reset` doesn't ask. */
  readonly yes: boolean;
  /** The whole environment, which services inherit: LOG_LEVEL and their other own settings. */
  readonly inherited: NodeJS.ProcessEnv;
}

/**
 * Reads the environment; nothing else of the launcher does.
 *
 * @throws Cure that names every fault
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): LauncherConfig {
  const faults: string[] = [];
  const text = (name: string) => env[name]?.trim() || undefined;
  const integer = (name: string, fallback: number, min: number, max: number) => {
    const value = Number(text(name) ?? fallback);
    if (!Number.isInteger(value) || value < min || value > max) {
      faults.push(`${name} must be a whole number from ${min} to ${max}, not "${text(name)}"`);
    }
    return value;
  };
  const flag = (name: string) => {
    const value = text(name) ?? '0';
    if (value !== '0' && value !== '1') faults.push(`${name} must be 0 or 1, not "${value}"`);
    return value === '1';
  };
  const config: LauncherConfig = {
    home: resolve(repository, text('SOUK_HOME') ?? '.souk'),
    gatewayPort: integer('GATEWAY_PORT', 8080, 0, 65_535),
    replicas: integer('REPLICAS', 2, 1, 8),
    envoyBin: text('ENVOY_BIN'),
    path: text('PATH') ?? '',
    detach: flag('DETACH'),
    service: text('SERVICE'),
    follow: flag('FOLLOW'),
    yes: flag('YES'),
    inherited: env,
  };
  if (faults.length > 0) throw new Cure(faults.join('; '));
  return Object.freeze(config);
}
