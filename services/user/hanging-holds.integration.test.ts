import { TransactionState } from '@souk/contracts/shop/order/v1/transaction_pb.js';
import { expect, it, onTestFinished } from 'vitest';
import { createLogger } from '../../platform/telemetry/log.ts';
import { testCoordinator } from '../../platform/testing/coordinator.ts';
import { followOrders } from './coordinator.ts';
import { branch, CANCELLED, startParticipant, take } from './test-participant.ts';

const { service, somebody, balance, hold, confirm } = await startParticipant();
const { sql } = service.db;
const coordinator = await testCoordinator();
const log = createLogger({ service: 'user', instance: 'test', level: 'silent' });

/** Follows the coordinator until the test ends, as `replicas` processes. */
function follow(replicas = 1): void {
  const stopping = new AbortController();
  const config = { ORDER_ADDRESS: coordinator.address, SERVICE_TOKEN: coordinator.token, TRY_TIMEOUT_S: 30 };
  const loops = Array.from({ length: replicas }, () =>
    followOrders(config, sql, service.metrics, log, stopping.signal, 50),
  );
  onTestFinished(async () => {
    stopping.abort();
    // Else it would claim what the next test makes.
    await Promise.all(loops);
  });
}

/** Holds 10 of the user's EUR, so long ago that it is time to ask. */
async function hangingHold(userId: string) {
  const name = branch();
  expect(await hold(take(userId, 10n, name))).toEqual(['DONE']);
  await makeDue(name.transactionId);
  return name;
}

async function makeDue(transactionId: string): Promise<void> {
  await sql`
    UPDATE branches SET created_at = now() - interval '31 s', waiting_since = now() - interval '31 s'
    WHERE transaction_id = ${transactionId}`;
}

const timesAsked = (id: string): number => coordinator.asked.filter((asked) => asked === id).length;
const inquiries = (answer: string) =>
  service.counter('souk_participant_inquiries_total', { souk_participant_answer: answer });

it.each([
  ['COMMITTING', [90n, 0n], 'commit'],
  ['COMMITTED', [90n, 0n], 'commit'],
  ['ROLLING_BACK', [100n, 0n], 'rollback'],
  ['ROLLED_BACK', [100n, 0n], 'rollback'],
  ['unknown', [100n, 0n], 'rollback'],
] as const)('a hanging hold whose transaction is %s follows it', async (state, then, answer) => {
  const user = await somebody(100n);
  const name = await hangingHold(user);
  if (state !== 'unknown') coordinator.states.set(name.transactionId, TransactionState[state]);
  const before = await inquiries(answer);
  follow();
  await expect.poll(() => balance(user), { timeout: 5_000 }).toEqual(then);
  expect([timesAsked(name.transactionId), await inquiries(answer)]).toEqual([1, before + 1]);
  // What comes late is answered by what was done.
  expect(await confirm(name)).toEqual([answer === 'commit' ? 'DONE' : CANCELLED]);
  expect(await hold(take(user, 10n, name))).toEqual([answer === 'commit' ? 'DONE' : CANCELLED]);
  expect(await balance(user)).toEqual(then);
});

it('is left while nothing is decided or nobody answers, and resolved later', async () => {
  const user = await somebody(100n);
  const { transactionId } = await hangingHold(user);
  coordinator.states.set(transactionId, TransactionState.RUNNING);
  const before = { wait: await inquiries('wait'), failed: await inquiries('failed') };
  follow();
  await expect.poll(() => inquiries('wait'), { timeout: 5_000 }).toBe(before.wait + 1);
  await coordinator.stop();
  await makeDue(transactionId);
  await expect.poll(() => inquiries('failed'), { timeout: 5_000 }).toBeGreaterThan(before.failed);
  expect(await balance(user)).toEqual([90n, 10n]);

  coordinator.states.set(transactionId, TransactionState.COMMITTED);
  await coordinator.restart();
  const resolved = async () => {
    await makeDue(transactionId);
    return balance(user);
  };
  await expect.poll(resolved, { timeout: 10_000, interval: 200 }).toEqual([90n, 0n]);
});

it('is asked about once, and settled once, whatever the number of replicas', async () => {
  const user = await somebody(1_000n);
  const names = await Promise.all(Array.from({ length: 80 }, () => hangingHold(user)));
  names.forEach(({ transactionId }, i) => {
    if (i % 4 === 0) coordinator.states.set(transactionId, TransactionState.COMMITTED);
  });
  follow(3);
  await expect.poll(() => balance(user), { timeout: 10_000 }).toEqual([800n, 0n]);
  expect(names.map(({ transactionId }) => timesAsked(transactionId))).toEqual(names.map(() => 1));
});
