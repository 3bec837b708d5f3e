import { clusterOf } from './names.ts';
import { address, type Resource, typed } from './resource.ts';

/** Where an instance listens. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Its part of the calls, in proportion to the others' weights. Absent: all are alike. */
  readonly weight?: number;
}

/** The instances of a service, as Envoy's endpoint discovery takes them. */
export function loadAssignment(service: string, endpoints: readonly Endpoint[]): Resource {
  return {
    cluster_name: clusterOf(service),
    endpoints: [
      {
        lb_endpoints: endpoints.map(({ host, port, weight }) => ({
          endpoint: { address: address(host, port) },
          ...(weight === undefined ? {} : { load_balancing_weight: weight }),
        })),
      },
    ],
  };
}

/** The same as the content of a file that Envoy watches. */
export function discoveryResponse(service: string, endpoints: readonly Endpoint[]): Resource {
  return {
    resources: [typed('envoy.config.endpoint.v3.ClusterLoadAssignment', loadAssignment(service, endpoints))],
  };
}
