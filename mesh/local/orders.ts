import type { LauncherConfig } from './config.ts';
import { giveOrder, type Orders } from './control.ts';
import { Cure } from './cure.ts';
import { instanceOrders } from './instance-orders.ts';
import { pathsIn } from './paths.ts';
import type { Shop } from './shop.ts';
import { findVersion } from './versions.ts';

/** What can be done with a shop while it runs. */
export const ordersFor = (shop: Shop): Orders => ({
  ...instanceOrders(shop),
  async scale({ service = '', replicas }) {
    const deployment = shop.deployment(service);
    await deployment.scale(Number(replicas));
    return `${service} has ${deployment.instances.length} instances, and all serve.`;
  },
  async restart({ service = '' }) {
    const deployment = shop.deployment(service);
    await deployment.restart();
    return `All instances of ${service} are new, and all serve.`;
  },
  async canary({ service = '', version = '', percent }) {
    await shop.canaries.begin(service, findVersion(version, shop.paths.versions), Number(percent));
    return `${percent} % of the calls to ${service} go to its canary. make promote or make rollback ends that.`;
  },
  async promote({ service = '' }) {
    await shop.canaries.promote(service);
    return `${service} is ${shop.deployment(service).version().name} now.`;
  },
  async rollback({ service = '' }) {
    await shop.canaries.rollBack(service);
    return `The canary of ${service} is gone.`;
  },
});

/** `make scale SERVICE=product REPLICAS=4` */
export async function scale({ home, service, inherited }: LauncherConfig): Promise<number> {
  const replicas = inherited.REPLICAS;
  if (!service || !replicas)
    throw new Cure('make scale needs SERVICE and REPLICAS: make scale SERVICE=product REPLICAS=4');
  console.log(await giveOrder(pathsIn(home), 'scale', { service, replicas }));
  return 0;
}

/** `make canary SERVICE=product VERSION=… PERCENT=10` */
export async function canary({ home, service, inherited }: LauncherConfig): Promise<number> {
  const { VERSION: version, PERCENT: percent } = inherited;
  if (!service || !version || !percent)
    throw new Cure(
      'make canary needs SERVICE, VERSION (a commit, branch, tag or folder) and PERCENT: make canary SERVICE=product VERSION=v2 PERCENT=10',
    );
  console.log(await giveOrder(pathsIn(home), 'canary', { service, version, percent }));
  return 0;
}

/** `make restart SERVICE=order` */
export const restart = (config: LauncherConfig): Promise<number> => order('restart', config);

/** `make promote SERVICE=product` */
export const promote = (config: LauncherConfig): Promise<number> => order('promote', config);

/** `make rollback SERVICE=product` */
export const rollback = (config: LauncherConfig): Promise<number> => order('rollback', config);

async function order(name: string, { home, service }: LauncherConfig): Promise<number> {
  if (!service) throw new Cure(`make ${name} needs SERVICE: make ${name} SERVICE=product`);
  console.log(await giveOrder(pathsIn(home), name, { service }));
  return 0;
}
