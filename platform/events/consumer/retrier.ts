import type { Logger } from '../../telemetry/log.ts';
import type { Received } from '../event.ts';
import { afterFailure } from './attempts.ts';
import { createBell } from './bell.ts';
import { unknownVersion } from './catalogue.ts';
import { isTechnical } from './failure.ts';
import type { DueEvent, ParkedStore } from './parked-store.ts';
import type { PublisherContext } from './publisher-context.ts';
import { handleRuns, prepareRuns, tellCommitted } from './runs.ts';

/** Tries parked events again, those of a subject in their order. Instances share the work. */
export interface Retrier {
  /** Something may be due: looks now. */
  wake(): void;
  /** Looks until `stopping`, and resolves when nothing is under way. */
  run(stopping: AbortSignal): Promise<void>;
}

const LOOK_MS = 1_000;
/** For how long an event is put off when something is away, and after how many of these the others wait too. */
const POSTPONE_MS = 2_000;
const MAX_POSTPONED = 10;
const NONE: ReadonlySet<Received> = new Set();

/** The retrier of one instance, with what it subscribes to by publisher. */
export function createRetrier(
  contexts: ReadonlyMap<string, PublisherContext>,
  parked: ParkedStore,
  log: Logger,
): Retrier {
  const bell = createBell();
  const types = new Map([...contexts].map(([publisher, { catalogue }]) => [publisher, catalogue.types]));

  async function takeEffect(due: DueEvent, stopping: AbortSignal): Promise<void> {
    const context = contexts.get(due.publisher);
    const item = context?.catalogue.read(due.event);
    if (context === undefined || item?.known === undefined)
      throw item?.fault ?? unknownVersion(due.event.type);
    context.observer.retried();
    const runs = await prepareRuns([item], stopping);
    const taken = await context.sql.begin(async (tx) => {
      if (!(await parked.lock(tx, due))) return [];
      const effects = await handleRuns(runs, tx, NONE);
      await parked.remove(tx, due, due.event.subject);
      return effects;
    });
    context.observer.consumed(taken);
    tellCommitted(runs);
  }

  /** Tries one that is due. Undefined: there is none. */
  async function tryNext(stopping: AbortSignal): Promise<'tried' | 'postponed' | undefined> {
    const due = await parked.claim(types);
    if (due === undefined) return undefined;
    try {
      await takeEffect(due, stopping);
    } catch (error) {
      if (stopping.aborted || isTechnical(error)) {
        await parked.postpone(due, stopping.aborted ? 0 : POSTPONE_MS);
        return 'postponed';
      }
      const { lastError, retryMs } = afterFailure(error, due.attempts + 1);
      await parked.failed(due, lastError, retryMs);
      const { publisher, position, event, attempts } = due;
      const line = {
        publisher,
        position: String(position),
        eventId: event.id,
        type: event.type,
        attempts: attempts + 1,
      };
      log.warn({ err: error, ...line }, 'a parked event could not take effect');
    }
    return 'tried';
  }

  async function tryAll(stopping: AbortSignal): Promise<void> {
    for (let postponed = 0; postponed < MAX_POSTPONED && !stopping.aborted; ) {
      const result = await tryNext(stopping);
      if (result === undefined) return;
      if (result === 'postponed') postponed++;
    }
  }

  return {
    wake: () => bell.ring(),
    async run(stopping) {
      for (let failures = 0; !stopping.aborted; ) {
        try {
          await tryAll(stopping);
          failures = 0;
        } catch (error) {
          failures++;
          if (failures === 1) log.warn({ err: error }, 'parked events can not be tried');
        }
        await bell.wait(LOOK_MS * (0.75 + Math.random() / 2), stopping);
      }
    },
  };
}
