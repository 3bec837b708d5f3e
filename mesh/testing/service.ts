import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readContractFile } from '../envoy/contract.ts';
import { startBackend } from './backend.ts';
import { readServiceConfig } from './config.ts';

// A program that stands where a service's main.ts does, for tests of the launcher: it serves when it is told to, and drains.
const { instance, port, failing, startMs } = readServiceConfig();
if (failing) throw new Error('told not to start');
await sleep(startMs);
const contract = readContractFile(fileURLToPath(new URL('../../gen/souk.binpb', import.meta.url)));
const service = instance.replace(/(-canary)?-\d+$/, '');
const backend = await startBackend(contract, service, port, { 'x-test-instance': instance });
process.once('SIGTERM', () => {
  backend.setServing(false);
  void backend.drain().then(() => process.exit(0));
});
