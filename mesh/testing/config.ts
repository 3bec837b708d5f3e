/** What the launcher tells the program that stands for a service in its tests. */
export function readServiceConfig(env: NodeJS.ProcessEnv = process.env) {
  return {
    instance: env.INSTANCE ?? '',
    port: Number(env.PORT),
    failing: env.TEST_FAILING === '1',
    /** So long, in milliseconds, until it listens. */
    startMs: Number(env.TEST_START_MS ?? 0),
  };
}
