/** The port of gRPC of every Service. */
export const GRPC_PORT = 50_051;

/** The gateway for everybody, which the contract calls so too, and the one for the calls between services. */
export const GATEWAYS = ['gateway', 'internal'] as const;
export type Gateway = (typeof GATEWAYS)[number];
