import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servicesOf } from '../contract/method.ts';
import { readConfig } from '../local/config.ts';
import { installEnvoy } from '../local/envoy-binary.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { writeEndpoints } from '../local/registry.ts';
import { gatewayBootstrap } from './bootstrap.ts';
import { readContractFile } from './contract.ts';
import { rbacFilter } from './rbac.ts';
import type { Resource } from './resource.ts';
import { foldEndpoints, validate } from './validate.ts';

const folder = mkdtempSync(join(tmpdir(), 'souk-validate-'));
const contract = readContractFile(descriptorSetFile);
let envoy: string;
beforeAll(async () => {
  envoy = await installEnvoy(readConfig());
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The gateway's configuration of a shop with two instances of each service. */
function bootstrap(methods = contract) {
  for (const service of ['user', 'product', 'order']) {
    writeEndpoints(folder, service, [
      { host: '127.0.0.1', port: 20_001 },
      { host: '127.0.0.1', port: 20_002 },
    ]);
  }
  return gatewayBootstrap({
    host: '127.0.0.1',
    gatewayPort: 20_003,
    internalPort: 20_004,
    adminPort: 20_005,
    contract: methods,
    descriptorSetFile,
    endpointsFolder: folder,
    accessLogFile: join(folder, 'access.log'),
  });
}

describe('the gateway’s configuration', () => {
  it('is sound in Envoy’s own eyes, endpoint files included', () => {
    expect(validate(envoy, foldEndpoints(bootstrap()))).toBeUndefined();
  });

  it('is refused when a route leads to a service that there is not', () => {
    const [first, ...rest] = contract;
    const lost = { ...(first as (typeof contract)[0]), service: 'stock' };
    const config = bootstrap([lost, ...rest]);
    const resources = config.static_resources as { clusters: { name: string }[] };
    const clusters = resources.clusters.filter(({ name }) => name !== 'stock');
    expect(
      validate(envoy, foldEndpoints({ ...config, static_resources: { ...resources, clusters } })),
    ).toMatch(/unknown cluster 'stock'/);
  });

  it('is refused when a timeout makes no sense', () => {
    const [first, ...rest] = contract;
    const config = bootstrap([{ ...(first as (typeof contract)[0]), timeoutMs: -1 }, ...rest]);
    expect(validate(envoy, foldEndpoints(config))).toMatch(/max_stream_duration|duration|per_try_timeout/i);
  });

  it('is refused when an endpoint file is broken, which Envoy alone would not notice', () => {
    const config = bootstrap();
    const broken = {
      cluster_name: 'user',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: 'nowhere' } }] }],
    };
    writeFileSync(join(folder, 'user.json'), JSON.stringify({ resources: [{ '@type': 'x', ...broken }] }));
    expect(validate(envoy, config)).toBeUndefined();
    expect(validate(envoy, foldEndpoints(config))).toMatch(/nowhere|address/);
  });
});

describe('who may call a service', () => {
  /** The gateway's configuration, with this filter before all others on the internal listener. */
  function withFilter(filter: Resource): Resource {
    const config = structuredClone(bootstrap()) as {
      static_resources: {
        listeners: { filter_chains: { filters: { typed_config: { http_filters: Resource[] } }[] }[] }[];
      };
    };
    const [, internal] = config.static_resources.listeners;
    internal?.filter_chains[0]?.filters[0]?.typed_config.http_filters.unshift(filter);
    return foldEndpoints({ ...config });
  }

  it('is told in Envoy’s own terms', () => {
    for (const service of servicesOf(contract)) {
      expect(validate(envoy, withFilter(rbacFilter(contract, service)))).toBeUndefined();
    }
  });

  it('is refused in others', () => {
    const told = JSON.stringify(rbacFilter(contract, 'order'));
    const mistold = told.replace('principal_name', 'principal');
    expect(validate(envoy, withFilter(JSON.parse(mistold)))).toMatch(/principal/);
  });
});
