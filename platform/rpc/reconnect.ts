/** The longest pause, in milliseconds and give or take a fifth, between two tries to reach an instance that is away. */
export const INSTANCE_RECONNECT_MS = 2_000;

/**
 * The same of a proxy. It is near, and soon back; but until it is found every call fails, and is tried again by nobody,
 * as that is the proxy's part.
 */
export const PROXY_RECONNECT_MS = 200;
