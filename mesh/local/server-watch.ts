import { setTimeout as sleep } from 'node:timers/promises';
import { asAdmin, roleOf } from './admin-connection.ts';
import type { PostgresServer } from './postgres.ts';
import { isAlive } from './process-identity.ts';
import { standbyState } from './replication.ts';

/** How often to look, in milliseconds. */
const EVERY_MS = 1_000;
/** So many looks in a row must fail; one takes 2 s at most. */
const MISSES = 3;

/** Resolves, with how, when a primary is lost: its process has ended, or doesn't answer any more. */
export function untilPrimaryLost(primary: PostgresServer, signal: AbortSignal): Promise<string> {
  return untilLost(primary, signal, async () => ((await roleOf(primary)) ? undefined : 'hangs'));
}

/** Resolves, with how, when a standby is lost: its process has ended, or doesn't answer or read the log any more. */
export function untilStandbyLost(
  standby: PostgresServer,
  primary: PostgresServer,
  signal: AbortSignal,
): Promise<string> {
  return untilLost(standby, signal, async () => {
    const [role, state] = await Promise.all([
      roleOf(standby),
      // What the primary can't tell is no fault of the standby's.
      asAdmin(primary, standbyState).catch(() => 'streaming'),
    ]);
    if (!role) return 'hangs';
    return state === 'streaming' ? undefined : 'reads the log no more';
  });
}

async function untilLost(
  server: PostgresServer,
  signal: AbortSignal,
  look: () => Promise<string | undefined>,
): Promise<string> {
  const ended = new AbortController();
  void server.exited.then(() => ended.abort());
  const waking = AbortSignal.any([signal, ended.signal]);
  for (let misses = 0; ; ) {
    const next = Date.now() + EVERY_MS;
    const fault = await look();
    signal.throwIfAborted();
    if (!isAlive(server.identity)) return 'died';
    misses = fault ? misses + 1 : 0;
    if (fault && misses === MISSES) return fault;
    await sleep(Math.max(0, next - Date.now()), undefined, { signal: waking }).catch(() => {});
  }
}
