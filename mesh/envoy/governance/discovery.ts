import { join } from 'node:path';
import { endpointsFile } from '../names.ts';
import type { Resource } from '../resource.ts';

/** Where a cluster's instances are: in a file that the launcher replaces whenever one comes or goes. */
export function discovery(service: string, endpointsFolder: string): Resource {
  return {
    type: 'EDS',
    eds_cluster_config: {
      eds_config: {
        resource_api_version: 'V3',
        // Only a rename into the folder is noticed, never a write in place.
        path_config_source: {
          path: join(endpointsFolder, endpointsFile(service)),
          watched_directory: { path: endpointsFolder },
        },
      },
    },
    // An instance that the registry takes out leaves at once, and not only when it also fails its check: what is
    // about to drain gets no new calls.
    ignore_health_on_host_removal: true,
  };
}
