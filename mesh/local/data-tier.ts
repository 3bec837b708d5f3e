import { ensureDatabases } from './databases.ts';
import { logFile, type Paths } from './paths.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import type { Secrets } from './secrets.ts';
import { serviceDatabase } from './service-environment.ts';
import { services } from './services.ts';
import type { Running } from './spawn-logged.ts';
import { supervise } from './supervise.ts';

/** A part of the shop that is one process, kept alive. */
export interface Part {
  readonly port: number;
  running(): Running | undefined;
  stop(): Promise<void>;
}

/** What a part tells its owner. */
export interface PartEvents {
  /** Called after each death and further start. */
  changed(): void;
  /** One line on what happened, for the launcher's log. */
  log(line: string): void;
  /** The longest pause, in milliseconds, before it is started again. */
  readonly longestDelayMs: number | undefined;
}

/** Starts PostgreSQL with a database for each service, and keeps it running on the same port. */
export async function startDataTier(
  { paths, secrets, durable }: { paths: Paths; secrets: Secrets; durable: boolean },
  { changed, log, longestDelayMs }: PartEvents,
): Promise<Part> {
  let server: PostgresServer | undefined;
  const start = async (): Promise<Running> => {
    server = await startPostgres({
      dataDir: paths.postgres,
      password: secrets('postgres'),
      logFile: logFile(paths, 'postgres'),
      durable,
      // The services have been told the port.
      ...(server ? { port: server.port } : {}),
    });
    return { identity: server.identity, since: Date.now(), exited: server.exited.then(() => 'see its log') };
  };
  const supervised = await supervise(start, {
    longestDelayMs,
    restarted: changed,
    died: (how, delay) => {
      log(`postgres died (${how}), starts again in ${delay} ms`);
      changed();
    },
    failed: (cause, delay) => log(`postgres can't be started (${cause}), next try in ${delay} ms`),
  });
  const first = server as unknown as PostgresServer;
  const stop = () => supervised.stop(() => server?.stop() ?? Promise.resolve());
  try {
    await ensureDatabases(
      first.adminUrl(),
      services.map(({ name }) => serviceDatabase(secrets, name)),
    );
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { port: first.port, running: supervised.current, stop };
}
