import { everyone, GATEWAY, groupByCallers } from '../contract/callers.ts';
import { type Method, servicesOf } from '../contract/method.ts';
import { spiffeId } from '../identity/spiffe.ts';
import { type Resource, typed } from './resource.ts';

/**
 * The filter by which a service's sidecar lets in whom the contract names, by the caller's certificate and by method;
 * everything else is PERMISSION_DENIED.
 *
 * @param methods those of all services
 */
export function rbacFilter(methods: readonly Method[], service: string): Resource {
  const services = servicesOf(methods);
  const own = methods.filter((method) => method.service === service);
  const groups = groupByCallers(own, services).map(({ name, callers, methods: members }) => [
    `from ${name}`,
    { permissions: members.map(({ path }) => pathIs({ exact: path })), principals: callers.map(principal) },
  ]);
  return {
    name: 'envoy.filters.http.rbac',
    typed_config: typed('envoy.extensions.filters.http.rbac.v3.RBAC', {
      rules: {
        action: 'ALLOW',
        policies: {
          ...Object.fromEntries(groups),
          // Asked by the Envoys of all who may call.
          health: {
            permissions: [pathIs({ prefix: '/grpc.health.v1.Health/' })],
            principals: everyone(services).map(principal),
          },
          reflection: {
            permissions: ['v1', 'v1alpha'].map((version) =>
              pathIs({ prefix: `/grpc.reflection.${version}.ServerReflection/` }),
            ),
            principals: [principal(GATEWAY)],
          },
        },
      },
    }),
  };
}

const pathIs = (path: Resource): Resource => ({ url_path: { path } });

const principal = (caller: string): Resource => ({
  authenticated: { principal_name: { exact: spiffeId(caller) } },
});
