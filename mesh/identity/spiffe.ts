/** The domain whose authority vouches for the mesh's identities, on one machine and in a cluster. */
export const TRUST_DOMAIN = 'souk.local';

/** The namespace of all workloads. */
export const NAMESPACE = 'souk';

/** Whom a certificate names: a service's short name, or `gateway`. */
export type Workload = string;

/** `spiffe://souk.local/ns/souk/sa/order`, as SPIFFE and Kubernetes' service accounts are mapped by convention. */
export const spiffeId = (workload: Workload): string =>
  `spiffe://${TRUST_DOMAIN}/ns/${NAMESPACE}/sa/${workload}`;
