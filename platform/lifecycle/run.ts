import type { Logger } from '../telemetry/log.ts';

type Step = () => unknown;

/** What a running process owes at its stop. */
export interface App {
  /** First stage, all at once: refuse new work and finish what is under way. */
  onDrain(step: Step): void;
  /** Second stage, last registered first: close what the work needed. */
  onStop(step: Step): void;
  /** Aborted when the stop begins; for background loops. */
  readonly stopping: AbortSignal;
  /** Begins the stop, as SIGTERM does. */
  stop(reason: string): void;
}

/** How long a stop may take and where it is told. */
export interface RunOptions {
  readonly log: Logger;
  /** Bound of the drain in milliseconds; closing gets CLOSE_TIMEOUT_MS more, then the process exits with code 1. */
  readonly drainTimeoutMs: number;
}

/** What closing gets after the drain. An orchestrator that kills sooner cuts it off. */
export const CLOSE_TIMEOUT_MS = 3_000;

/**
 * Runs a process: the only owner of signals and of the exit code. SIGTERM or SIGINT drains, then closes, and
 * exits 0; a second one exits at once. What `start` throws, an uncaught exception or an unhandled rejection is
 * logged as fatal and exits 1 (after closing what was opened, when `start` fails).
 */
export async function run(options: RunOptions, start: (app: App) => Promise<void>): Promise<void> {
  const { log } = options;
  const drains: Step[] = [];
  const stops: Step[] = [];
  const stopping = new AbortController();
  let exitCode = 0;

  async function attempt(step: Step): Promise<void> {
    try {
      await step();
    } catch (error) {
      exitCode = 1;
      log.error({ err: error }, 'a stop step failed');
    }
  }

  async function shutdown(reason: string): Promise<void> {
    if (stopping.signal.aborted) return;
    const began = performance.now();
    log.info({ reason }, 'stopping');
    // Not unreferenced: a step that waits on nothing alive must still end in an exit code of 1.
    setTimeout(() => exit('the stop took too long'), options.drainTimeoutMs + CLOSE_TIMEOUT_MS);
    stopping.abort();
    await Promise.all(drains.map(attempt));
    for (const step of stops.toReversed()) await attempt(step);
    log.info({ durationMs: Math.round(performance.now() - began) }, 'stopped');
    process.exit(exitCode);
  }

  function exit(message: string, err?: unknown): void {
    log.fatal({ err }, message);
    process.exit(1);
  }

  process.on('uncaughtException', (error) => exit('uncaught exception', error));
  process.on('unhandledRejection', (error) => exit('unhandled rejection', error));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) exit(`second signal ${signal}`);
      void shutdown(signal);
    });
  }

  try {
    await start({
      onDrain: (step) => drains.push(step),
      onStop: (step) => stops.push(step),
      stopping: stopping.signal,
      stop: (reason) => void shutdown(reason),
    });
  } catch (error) {
    // A signal during the start closes what the start is still using: its error is then a consequence.
    if (stopping.signal.aborted) return;
    exitCode = 1;
    log.fatal({ err: error }, 'the start failed');
    await shutdown('the start failed');
  }
}
