import type { Logger } from '../../telemetry/log.ts';
import { createBell } from './bell.ts';
import type { Assignment, MemberStore, Standing } from './member-store.ts';
import type { PositionStore } from './position-store.ts';

/** This instance's share of the partitions. */
export interface Membership {
  /** Looks at once at what it has. */
  refresh(): void;
  /** Takes part until `stopping`, then gives everything back when `idle` has resolved. */
  run(stopping: AbortSignal, idle: Promise<unknown>): Promise<void>;
}

/** What a membership stands on. */
export interface MembershipOptions {
  readonly instance: string;
  readonly publishers: readonly string[];
  readonly members: MemberStore;
  readonly positions: PositionStore;
  readonly log: Logger;
  /** Takes what this instance has of a publisher's partitions, as often as it is looked at. */
  assign(publisher: string, assignments: readonly Assignment[]): void;
}

/** With the lease of 4 s, what a dead instance had is taken over within 5 s. */
const BEAT_MS = 800;

/** Membership of one instance: as many of each publisher's partitions as the others have, or one less. */
export function createMembership(options: MembershipOptions): Membership {
  const { instance, publishers, members, positions, log, assign } = options;
  const bell = createBell();
  let prepared = false;

  async function beat(): Promise<void> {
    if (!prepared) await positions.prepare(publishers);
    prepared = true;
    await members.renew(instance, publishers);
    const standings = await members.standings(instance, publishers);
    for (const [publisher, own] of Map.groupBy(standings, (standing) => standing.publisher)) {
      assign(publisher, await balance(publisher, own));
    }
  }

  /** Takes or gives back until it has its share. */
  async function balance(publisher: string, standings: readonly Standing[]): Promise<readonly Assignment[]> {
    const mine = standings.filter((standing) => standing.mine);
    const share = Math.ceil(standings.length / (standings[0]?.members ?? 1));
    if (mine.length > share) {
      const surplus = mine.slice(share).map(({ partition }) => partition);
      const released = await members.release(instance, publisher, surplus);
      return mine.filter(({ partition }) => !released.includes(partition));
    }
    const others = standings.some(({ mine, free }) => free && !mine);
    if (mine.length < share && others) {
      return [...mine, ...(await members.take(instance, publisher, share - mine.length))];
    }
    return mine;
  }

  return {
    refresh: () => bell.ring(),
    async run(stopping, idle) {
      for (let failures = 0; !stopping.aborted; ) {
        try {
          await beat();
          failures = 0;
        } catch (error) {
          failures++;
          if (failures === 1) log.warn({ err: error }, 'the partitions can not be shared out');
        }
        await bell.wait(BEAT_MS * (0.75 + Math.random() / 2), stopping);
      }
      await idle;
      await members.leave(instance).catch((err: unknown) => log.debug({ err }, 'the leases will run out'));
    },
  };
}
