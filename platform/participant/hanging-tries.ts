import { repeat } from '../lifecycle/repeat.ts';
import type { Logger } from '../telemetry/log.ts';
import type { BranchName } from './branch.ts';
import type { ParticipantMetrics } from './metrics.ts';

/** What a coordinator says of a transaction. */
export type Decision = 'commit' | 'rollback' | 'wait';

/** A participant's tries, and who decides about them. */
export interface HangingTries {
  /** Claims up to `limit` tries that wait for too long; each is claimed again only after a while. */
  hanging(limit: number): Promise<readonly BranchName[]>;
  /**
   * Asks the coordinator. 'rollback' also where it knows of no such transaction: it commits its own record before it
   * sends the first try, and keeps it for as long as anything is held, so there is none that could still be
   * committed; and should that try be on its way once more, the cancel's mark refuses it. 'wait' while it is
   * undecided. Rejects when there is no answer.
   */
  ask(transactionId: string, signal: AbortSignal): Promise<Decision>;
  /** The participant's own confirm and cancel. What the coordinator does at the same time, they find done. */
  confirm(names: readonly BranchName[]): Promise<unknown>;
  cancel(names: readonly BranchName[]): Promise<unknown>;
  readonly metrics: Pick<ParticipantMetrics, 'inquiries'>;
  readonly log: Logger;
}

/** Tries that are asked about at once. */
const BATCH = 32;
const EVERY_MS = 3_000;

/**
 * Asks the coordinator, every few seconds until `stopping`, about tries that were left hanging, and does what it has
 * decided: never anything else. Each replica may do so.
 */
export function followCoordinator(
  tries: HangingTries,
  stopping: AbortSignal,
  everyMs = EVERY_MS,
): Promise<void> {
  return repeat(everyMs, stopping, async () => {
    try {
      while (!stopping.aborted && (await resolveHangingTries(tries, stopping)));
    } catch (err) {
      // They are claimed again later.
      if (!stopping.aborted) tries.log.warn({ err }, 'hanging tries were not resolved');
    }
  });
}

/** Asks about one batch and follows the answers. Returns whether it is worth while to go on at once. */
export async function resolveHangingTries(tries: HangingTries, stopping: AbortSignal): Promise<boolean> {
  const { log } = tries;
  const names = await tries.hanging(BATCH);
  const failures: unknown[] = [];
  const answers = await Promise.all(
    names.map(async ({ transactionId }) => {
      const answer = await tries.ask(transactionId, stopping).catch((error: unknown) => {
        failures.push(error);
        return 'failed' as const;
      });
      if (!stopping.aborted) tries.metrics.inquiries.inc({ souk_participant_answer: answer });
      return answer;
    }),
  );
  const those = (answer: Decision) => names.filter((_, i) => answers[i] === answer);
  const follow = async (
    decision: 'commit' | 'rollback',
    act: (names: readonly BranchName[]) => Promise<unknown>,
  ) => {
    const decided = those(decision);
    if (decided.length === 0) return;
    await act(decided);
    for (const name of decided) log.info({ ...name, decision }, 'a hanging try follows its coordinator');
  };
  await Promise.all([follow('commit', tries.confirm), follow('rollback', tries.cancel)]);
  if (failures.length > 0 && !stopping.aborted)
    log.warn(
      { err: failures[0], tries: failures.length },
      'the coordinator did not answer about hanging tries',
    );
  return names.length === BATCH && failures.length === 0;
}
