import { readConfig } from '../../mesh/local/config.ts';
import { Cure } from '../../mesh/local/cure.ts';
import { databaseUrl } from '../../mesh/local/databases.ts';
import { type Paths, pathsIn } from '../../mesh/local/paths.ts';
import { secretsIn } from '../../mesh/local/secrets.ts';
import { serviceDatabase } from '../../mesh/local/service-environment.ts';
import { lockHolder, readState, type ShopState } from '../../mesh/local/state.ts';

/** The shop that `make up` runs. */
export interface RunningShop {
  readonly paths: Paths;
  /** host:port of its gateway. */
  readonly address: string;
  /** What runs of it, now. */
  state(): ShopState;
  /** The URL with which a service reaches its own database. */
  databaseUrl(service: string): string;
  readonly signingKeySecret: string;
}

/**
 * Finds the shop that runs in SOUK_HOME.
 *
 * @throws Cure if there is none, or none that can be called through a gateway
 */
export function findShop(config = readConfig()): RunningShop {
  const paths = pathsIn(config.home);
  const state = () => {
    const read = readState(paths);
    if (!read?.ready || !lockHolder(paths))
      throw new Cure('the shop doesn\'t run: "make up" in another terminal, or "make up DETACH=1", first');
    return read;
  };
  const { gatewayPort } = state();
  if (gatewayPort === 0)
    throw new Cure(
      'the shop runs without a gateway, through which the load goes: "make down", then "make up" without MESH=none',
    );
  const secrets = secretsIn(paths.secrets);
  return {
    paths,
    address: `127.0.0.1:${gatewayPort}`,
    state,
    databaseUrl: (service) => databaseUrl(state().postgresPort, serviceDatabase(secrets, service)),
    signingKeySecret: secrets('signing-key-secret'),
  };
}
