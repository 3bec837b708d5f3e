import { stringify } from 'yaml';
import { rbacFilter } from '../envoy/rbac.ts';
import { methodRoute } from '../envoy/routes.ts';
import type { Gateway } from '../envoy-gateway/names.ts';
import { callPatches, doorPatches } from '../envoy-gateway/patches.ts';
import { groupRoute, methodGroups, reflectionRoute } from '../envoy-gateway/routes.ts';
import { trafficPolicies } from '../envoy-gateway/traffic.ts';
import { authentications, inboundPolicy } from '../linkerd/policy.ts';
import type { Manifest } from '../linkerd/resource.ts';
import { outboundRoutes } from '../linkerd/routes.ts';
import { type Method, servicesOf } from './method.ts';
import { printJson } from './print-json.ts';
import { methodTable } from './table.ts';

/** The folder of all that is made for the meshes. */
const folder = 'mesh/generated';

/**
 * Everything that is made from the contract's methods, by its path in the repository. The same methods give the same
 * bytes.
 */
export function generate(methods: readonly Method[]): Map<string, string> {
  const services = servicesOf(methods);
  const files = new Map([['docs/contract.md', methodTable(methods)]]);
  const manifests = new Map([['callers.yaml', authentications(methods, services)]]);
  for (const service of services) {
    const own = methods.filter((method) => method.service === service);
    const envoy = { routes: own.map((method) => methodRoute(method)), rbac: rbacFilter(methods, service) };
    files.set(`${folder}/envoy/${service}.json`, `${printJson(envoy)}\n`);
    manifests.set(`${service}.yaml`, [
      ...outboundRoutes(service, own),
      ...inboundPolicy(service, own, services),
    ]);
  }
  const groups = methodGroups(methods);
  const routesOf = (gateway: Gateway) =>
    groups.filter((group) => group.gateway === gateway).map((group) => groupRoute(group));
  addFolder(files, 'linkerd', manifests);
  const reflection = services.slice(0, 1).map(reflectionRoute);
  addFolder(
    files,
    'gateway',
    new Map([
      ['patches.yaml', [doorPatches()]],
      ['routes.yaml', [...routesOf('gateway'), ...reflection]],
    ]),
  );
  addFolder(
    files,
    'envoy-gateway',
    new Map([
      ['internal-routes.yaml', routesOf('internal')],
      ['patches.yaml', callPatches(groups)],
      ['traffic.yaml', trafficPolicies(groups)],
    ]),
  );
  return files;
}

/** A folder of Kubernetes objects, as kustomize takes it. */
function addFolder(
  files: Map<string, string>,
  name: string,
  manifests: ReadonlyMap<string, readonly Manifest[]>,
): void {
  for (const [file, content] of manifests) files.set(`${folder}/${name}/${file}`, printYaml(content));
  files.set(`${folder}/${name}/kustomization.yaml`, printYaml([kustomization([...manifests.keys()])]));
}

const kustomization = (resources: readonly string[]) => ({
  apiVersion: 'kustomize.config.k8s.io/v1beta1',
  kind: 'Kustomization',
  resources,
});

function printYaml(documents: readonly (Manifest | ReturnType<typeof kustomization>)[]): string {
  const options = { lineWidth: 0, aliasDuplicateObjects: false };
  return `# Made from proto/ by make gen.\n${documents.map((one) => stringify(one, options)).join('---\n')}`;
}
