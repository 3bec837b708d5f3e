/** The cluster of a service's instances: its short name. */
export function clusterOf(service: string): string {
  return service;
}

/** The cluster that picks any live instance of any service. */
export const anyService = 'any';

/** The file that tells the instances of a service, within the folder of such files. */
export function endpointsFile(service: string): string {
  return `${clusterOf(service)}.json`;
}
