import { defineConfig } from 'vitest/config';

/**
 * Four kinds of test, told apart by where they stand and what they are called:
 * unit (`*.test.ts`) needs nothing; integration (`*.integration.test.ts`) a real PostgreSQL, started once for all
 * files; e2e (`test/*.e2e.test.ts`) a whole shop behind a real Envoy on free ports, started once for all files; verify
 * (`*.verify.test.ts`) whatever takes longer, and starts what it needs itself.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{platform,services,mesh,test,bench,proto}/**/*.test.ts'],
          exclude: ['**/*.{integration,e2e,verify}.test.ts'],
          // Vitest would leave one of two cores idle.
          maxWorkers: 2,
          // A third of the time was the loading of modules, for each file anew. Unit tests leave nothing behind.
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{platform,services,mesh,test}/**/*.integration.test.ts'],
          globalSetup: ['test/setup/postgres.ts', 'test/setup/nats.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          // As with unit tests: each file has databases of its own.
          isolate: false,
          // On a busy machine a wait can be too short, once; what is at fault fails again.
          retry: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          globalSetup: ['test/setup/shop.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Whole shops on one machine: one file at a time, and none beside other tests.
          fileParallelism: false,
          retry: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'verify',
          include: ['{platform,test,bench,mesh}/**/*.verify.test.ts'],
          globalSetup: ['test/setup/postgres.ts', 'test/setup/nats.ts'],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
