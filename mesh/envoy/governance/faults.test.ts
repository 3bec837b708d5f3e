import { describe, expect, it } from 'vitest';
import { gatewayBootstrap } from '../bootstrap.ts';

function bootstrap(faults?: boolean): string {
  const config = gatewayBootstrap({
    host: '127.0.0.1',
    ...{ gatewayPort: 1, internalPort: 2, adminPort: 3 },
    contract: [
      {
        path: '/shop.order.v1.OrderService/GetOrder',
        service: 'order',
        timeoutMs: 1,
        streaming: false,
        retryable: true,
        internal: false,
      },
    ],
    ...{ descriptorSetFile: 'souk.binpb', endpointsFolder: 'eds', accessLogFile: 'access.log' },
    ...(faults === undefined ? {} : { faults }),
  });
  const { listeners } = config.static_resources as { listeners: { name: string }[] };
  return JSON.stringify({ listeners, runtime: config.layered_runtime });
}

describe('the fault filter', () => {
  it('is not there unless a shop asks for it', () => {
    expect(bootstrap()).not.toMatch(/http\.fault|admin_layer/);
    expect(bootstrap(false)).not.toMatch(/http\.fault|admin_layer/);
  });

  it('is on the listener for calls between services alone', () => {
    const { listeners, runtime } = JSON.parse(bootstrap(true));
    expect(runtime.layers).toHaveLength(1);
    const withFaults = listeners.filter((one: object) => JSON.stringify(one).includes('http.fault'));
    expect(withFaults.map(({ name }: { name: string }) => name)).toEqual(['internal']);
  });
});
