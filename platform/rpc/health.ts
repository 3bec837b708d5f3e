import type { Server, ServerWritableStream } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from '../telemetry/log.ts';

/** grpc.health.v1 of one server. */
export interface Health {
  /** False answers NOT_SERVING whatever the check says; for a drain. */
  setServing(serving: boolean): void;
  /** Begins to check. Until the first success the answer is NOT_SERVING. */
  start(): void;
  /** Stops to check and ends the Watch calls under way. */
  stop(): void;
}

/**
 * A name that serves for as long as the process answers at all, whatever it depends on: an orchestrator that asks for
 * it restarts what hangs, and not everything at once when the database is away.
 */
export const LIVENESS = 'liveness';

const INTERVAL_MS = 1_000;
/** A check that merely takes too long must do so this often in a row; a lost connection counts at once. */
const FAILURES_TO_NOT_SERVING = 2;

/**
 * Adds the health service: "" and each of `services` serve while `check` (of what the server depends on)
 * resolves. It is called once a second, however often health is asked.
 */
export function addHealth(
  server: Server,
  services: readonly string[],
  check: () => Promise<void>,
  log: Logger,
): Health {
  const names = ['', ...services];
  const implementation = new HealthImplementation({
    ...Object.fromEntries(names.map((name) => [name, 'NOT_SERVING'])),
    [LIVENESS]: 'SERVING',
  });
  const watches = new Set<ServerWritableStream<unknown, unknown>>();
  let wanted = true;
  let healthy = false;
  let failures = 0;
  let shown = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function show(): void {
    const serving = wanted && healthy;
    if (serving === shown) return;
    shown = serving;
    for (const name of names) implementation.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
    log.info({ serving }, 'health changed');
  }

  async function probe(): Promise<void> {
    try {
      await check();
      failures = 0;
      healthy = true;
    } catch (error) {
      failures++;
      const lost = error instanceof Error && 'code' in error;
      if (healthy && (lost || failures >= FAILURES_TO_NOT_SERVING)) {
        healthy = false;
        log.warn({ err: error }, 'a dependency failed');
      }
    }
    if (stopped) return;
    show();
    timer = setTimeout(probe, INTERVAL_MS);
    timer.unref();
  }

  implementation.addToServer({
    addService(service, handlers) {
      const watch = handlers.watch as unknown as (call: ServerWritableStream<unknown, unknown>) => void;
      const tracked = (call: ServerWritableStream<unknown, unknown>): void => {
        watches.add(call);
        call.once('cancelled', () => watches.delete(call));
        watch(call);
      };
      server.addService(service, { ...handlers, watch: tracked } as never);
    },
  });

  return {
    setServing(serving) {
      wanted = serving;
      show();
    },
    start: () => void probe(),
    stop() {
      stopped = true;
      clearTimeout(timer);
      for (const call of watches) call.end();
    },
  };
}
