import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repository } from './config.ts';
import { checkHealth, healthClient } from './health.ts';
import type { Instance } from './instance.ts';
import { logFile, type Paths } from './paths.ts';

/** A service that can't start says so by ending again and again. */
const tooManyDeaths = 3;

/** Waits until all instances serve, for 60 s at most. */
export async function untilServing(
  instances: readonly Instance[],
  paths: Paths,
  signal: AbortSignal,
): Promise<void> {
  const end = Date.now() + 60_000;
  for (;;) {
    signal.throwIfAborted();
    const waiting = instances.filter((instance) => !instance.serving());
    const [first] = waiting;
    if (!first) return;
    const failing = waiting.find((instance) => instance.deaths() >= tooManyDeaths);
    if (failing)
      throw new Error(`${failing.name} ends as soon as it starts: ${lastWords(paths, failing.name)}`);
    if (Date.now() > end)
      throw new Error(`${first.name} does not serve after 60 s: ${lastWords(paths, first.name)}`);
    await sleep(20);
  }
}

/** Waits until each of the services answers its health check through the gateway, for 20 s at most. */
export async function untilReachable(
  gateway: string,
  serviceNames: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const end = Date.now() + 20_000;
  const client = healthClient(gateway);
  try {
    for (const name of serviceNames) {
      while (!(await checkHealth(client, name))) {
        signal.throwIfAborted();
        if (Date.now() > end) throw new Error(`${name} can't be reached through the gateway after 20 s`);
        await sleep(20);
      }
    }
  } finally {
    client.close();
  }
}

/** The last error in a process's log and where that is, for a message of one line. */
export function lastWords(paths: Paths, name: string): string {
  const file = logFile(paths, name);
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  // An uncaught error's own line is above its stack.
  const line =
    lines.findLast((text) => /^\w*Error\b|"level":"(error|fatal)"/.test(text)) ?? lines.at(-1) ?? '';
  return `${messageOf(line).slice(0, 300)} (see ${relative(repository, file)})`;
}

/** What a line of JSON has to say; another line as it is. */
function messageOf(line: string): string {
  try {
    const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    return err?.message ?? msg ?? line;
  } catch {
    return line;
  }
}
