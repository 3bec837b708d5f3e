import type { TestProject } from 'vitest/node';
import { readConfig } from '../../mesh/local/config.ts';
import { findNats } from '../../mesh/local/nats-binary.ts';
// The type of what is provided.
import type {} from '../../platform/testing/nats.ts';

/** Tells the integration tests where nats-server is. Each file that wants one starts its own. */
export default function setup(project: TestProject): void {
  const program = findNats(readConfig());
  if (program === undefined) {
    console.warn('Skipped: all tests that need a nats-server. There is none: "make install-nats" brings it.');
  }
  project.provide('natsServer', program ?? '');
}
