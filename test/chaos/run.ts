import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Shop, startShop } from '../../mesh/local/shop.ts';
import { brokerMessages } from '../broker-messages.ts';
import { signIn } from '../clients.ts';
import { checkInvariants } from '../invariants/check.ts';
import { withDatabases } from '../invariants/databases.ts';
import { untilQuiet } from '../invariants/quiet.ts';
import { seeded } from '../random.ts';
import { firstAdmin } from '../setup/first-admin.ts';
import type { ChaosConfig } from './config.ts';
import { noteEffects, readEffectOrder } from './effect-order.ts';
import { openJournal } from './journal.ts';
import { rename } from './renamer.ts';
import { type ActCounts, sabotage } from './saboteur.ts';
import { schedule } from './schedule.ts';
import { createTally, type Tally } from './tally.ts';
import { type Recovery, readRecovery, readSpoiltCalls, type SpoiltCalls } from './traces.ts';
import { work } from './worker.ts';
import { createWorld, type World } from './world.ts';

/** What came of a run. */
export interface ChaosReport {
  readonly seed: number;
  readonly minutes: number;
  readonly events: ChaosConfig['events'];
  /** The journal's file. */
  readonly journal: string;
  readonly tally: Tally;
  readonly world: World;
  readonly acts: ActCounts;
  readonly spoilt: SpoiltCalls;
  readonly recovery: Recovery;
  /** Effects of products' events in the order service: in order, and once each, but for what the violations tell. */
  readonly productEffects: number;
  /** Messages in the broker's streams at the end. 0 without a broker. */
  readonly brokered: number;
  /** From the end of the chaos until the shop was quiet. */
  readonly quietMs: number;
  /** One line each; empty if all is well. */
  readonly violations: readonly string[];
}

/** So long, in milliseconds, may it take until all is finished once it is left in peace. */
const patienceMs = 60_000;

/** Runs orders against a shop of its own in `home` while it is made to fail, and checks what is left. */
export async function runChaos(
  config: ChaosConfig,
  home: string,
  tell: (line: string) => void,
): Promise<ChaosReport> {
  mkdirSync(home, { recursive: true });
  const journal = openJournal(join(home, 'chaos.jsonl'));
  journal.add({ act: 'begin', ...config });
  const shop = await startShop({
    home,
    replicas: config.replicas,
    database: config.database,
    events: config.events,
    faults: true,
    // Else what is killed time and again would be down most of the time.
    longestRestartDelayMs: 1_000,
    settings: { user: { ACCESS_TOKEN_TTL_S: String(2 * 86_400) } },
    log: (line) => journal.add({ launcher: line }),
  });
  try {
    return await runIn(shop, config);
  } finally {
    await shop.stop();
  }

  async function runIn(
    shop: Shop,
    { seed, minutes, replicas, events, workers }: ChaosConfig,
  ): Promise<ChaosReport> {
    const url = `http://127.0.0.1:${shop.gatewayPort}`;
    const { email, password } = firstAdmin(shop);
    const random = seeded(seed);
    const admin = await signIn(url, email, password);
    const world = await createWorld(url, admin, random.fork('world'));
    const tally = createTally();
    await untilQuiet(shop, patienceMs);
    await withDatabases(shop, noteEffects);

    let stopping = false;
    const working = Array.from({ length: workers }, (_, n) =>
      work({
        world,
        tally,
        random: random.fork(`worker ${n}`),
        customer: world.customers[n % world.customers.length] as World['customers'][number],
        stopping: () => stopping,
      }),
    );
    const renaming = { world, tally, random: random.fork('renamer'), stopping: () => stopping };
    working.push(rename(renaming, admin));
    const progress = setInterval(() => tell(progressOf(world, tally)), 10_000);
    const plan = schedule(seed, minutes * 60_000, replicas, events === 'nats');
    const acts = await sabotage(shop, plan, journal).finally(() => {
      stopping = true;
      clearInterval(progress);
    });

    const over = Date.now();
    const calm = await Promise.race([Promise.all(working), sleep(patienceMs, undefined, { ref: false })]);
    const left = await untilQuiet(shop, Math.max(0, over + patienceMs - Date.now()));
    const quietMs = Date.now() - over;
    const order = await withDatabases(shop, readEffectOrder);
    const violations = [
      ...(calm ? [] : ['clients have calls that never come to an end']),
      ...left.map((one) => `not quiet: ${one}`),
      ...tally.faults().map((one) => `a service is at fault: ${one}`),
      ...world.contradictions.map((one) => `a reply contradicts another: ${one}`),
      ...order.violations.map((one) => `an effect out of order, or again: ${one}`),
      ...(await withDatabases(shop, (databases) => checkInvariants(databases, world))),
    ];
    for (const violation of violations) journal.add({ violation });
    const recovery = await withDatabases(shop, readRecovery);
    return {
      ...{ seed, minutes, events, tally, world, acts, recovery, quietMs, violations },
      journal: journal.file,
      productEffects: order.effects,
      brokered: events === 'nats' ? await brokerMessages(shop) : 0,
      spoilt: await readSpoiltCalls(shop.paths),
    };
  }
}

function progressOf({ requests }: World, tally: Tally): string {
  const placed = requests.filter(({ creation }) => creation === 'placed').length;
  return `${tally.calls()} calls, ${requests.length} requests, ${placed} orders placed`;
}
