import type { Orders } from './control.ts';
import { Cure } from './cure.ts';
import type { Instance } from './instance.ts';
import type { Shop } from './shop.ts';

/** What can be done with one instance of a running shop: `{ instance: 'order-1' }`. */
export function instanceOrders(shop: Shop): Orders {
  const find = (name = ''): Instance => {
    const found = shop.instances.find((one) => one.name === name);
    if (!found) throw new Cure(`no instance is called ${name.slice(0, 40)}`);
    return found;
  };
  const signalled = (instance: Instance, how: NodeJS.Signals): void => {
    if (!instance.kill(how)) throw new Cure(`${instance.name} is not running at the moment`);
  };
  const inRotation = (instance: Instance): void => {
    if (shop.gatewayPort === 0)
      throw new Cure('without a mesh no instance can be taken out: services know each other by address');
    const others = shop.instances.filter(
      ({ service, name }) => service === instance.service && name !== instance.name,
    );
    if (!others.some((other) => other.serving() && !other.resting()))
      throw new Cure(
        `${instance.name} is the last that takes calls to ${instance.service}: scale it up first`,
      );
  };
  return {
    async kill({ instance }) {
      const found = find(instance);
      signalled(found, 'SIGKILL');
      return `${found.name} is killed, and starts again.`;
    },
    async drain({ instance }) {
      const found = find(instance);
      inRotation(found);
      found.rest(true);
      return `${found.name} gets no new calls.`;
    },
    async undrain({ instance }) {
      const found = find(instance);
      found.rest(false);
      return `${found.name} takes calls again.`;
    },
    async pause({ instance }) {
      const found = find(instance);
      signalled(found, 'SIGSTOP');
      return `${found.name} stands still.`;
    },
    async resume({ instance }) {
      const found = find(instance);
      signalled(found, 'SIGCONT');
      return `${found.name} goes on.`;
    },
  };
}
