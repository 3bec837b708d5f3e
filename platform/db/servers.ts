import pg from 'pg';
import { asConnectionFailure, isConnectionFailure } from './errors.ts';

/** The servers that a database's URL names. One of them takes writes, and which one may change at any time. */
export interface Servers {
  /** Whether there is more than one. */
  readonly several: boolean;
  /** A pool of connections, each to the server that takes writes when it is made. */
  pool(config: pg.PoolConfig): pg.Pool;
  /** A connection to the server that takes writes. */
  client(config: pg.ClientConfig): pg.Client;
  /** Cuts all connections, as when one of them has turned out to be to a server that takes no writes. */
  cutAll(): Promise<void>;
}

interface Server {
  /** Of this server alone. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
}

/** Longest, in milliseconds, to wait for a server's connection, and then for its answer. */
const ASK_TIMEOUT_MS = 1_000;

/**
 * The servers of a URL, which may name several as libpq's do: `postgres://user:password@a:5432,b:5432/name`. Before
 * each connection they are asked in turn which of them takes writes, beginning with the one that did last; connections
 * to the others are then cut, as a machine that vanished never closes them. Of a single server nothing is asked.
 */
export function createServers(url: string): Servers {
  const servers = serversOf(url);
  const [first] = servers as [Server];
  const several = servers.length > 1;
  const open = new Set<pg.Client>();
  let asking: Promise<Server> | undefined;

  /** Resolves when they are gone, from the pools too. */
  const cut = async (wrong: (client: pg.Client) => boolean) => {
    const ends = [...open].filter(wrong).map((client) => {
      const ended = new Promise<void>((resolve) => client.once('end', resolve));
      client.connection.stream.destroy();
      return ended;
    });
    await Promise.all(ends);
  };
  const find = async () => {
    const found = await ask(servers);
    servers.splice(servers.indexOf(found), 1);
    servers.unshift(found);
    await cut(({ host, port }) => host !== found.host || port !== found.port);
    return found;
  };
  /** Whoever needs to know at the same time asks together. */
  const choose = (): Promise<Server> => {
    if (!several) return Promise.resolve(first);
    asking ??= find().finally(() => {
      asking = undefined;
    });
    return asking;
  };
  const Client = choosingClient(choose, (client) => {
    open.add(client);
    client.once('end', () => open.delete(client));
  });
  return {
    several,
    // Its type says that it were made without a configuration.
    pool: (config) =>
      new pg.Pool({ ...config, connectionString: first.url, Client: Client as new () => pg.Client }),
    client: (config) => new Client({ ...config, connectionString: first.url }),
    cutAll: () => cut(() => true),
  };
}

/** Whether a server takes writes: it is no standby, and not set to read-only. */
export async function takesWrites(connection: Pick<pg.Pool | pg.Client, 'query'>): Promise<boolean> {
  const { rows } = await connection.query<{ transaction_read_only: string }>('show transaction_read_only');
  return rows[0]?.transaction_read_only === 'off';
}

/** The failure of servers that take no writes: they are as good as away. */
export function readOnlyFailure(cause?: unknown): Error {
  return Object.assign(new Error('no server takes writes', { cause }), { code: 'CONNECTION_LOST' });
}

function serversOf(url: string): Server[] {
  const [, start = '', hosts = '', rest = ''] = /^(\w+:\/\/(?:[^@/]*@)?)([^/?]*)(.*)$/s.exec(url) ?? [];
  const urls = hosts.includes(',') ? hosts.split(',').map((host) => start + host + rest) : [url];
  return urls.map((one) => {
    const { host, port } = new pg.Client(one);
    return { url: one, host, port };
  });
}

async function ask(servers: readonly Server[]): Promise<Server> {
  const failures: unknown[] = [];
  for (const server of [...servers]) {
    const client = new pg.Client({
      connectionString: server.url,
      connectionTimeoutMillis: ASK_TIMEOUT_MS,
      query_timeout: ASK_TIMEOUT_MS,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      if (await takesWrites(client)) return server;
      failures.push(readOnlyFailure());
    } catch (error) {
      failures.push(asConnectionFailure(error));
    } finally {
      client.end().catch(() => {});
    }
  }
  // A wrong password, say, is told: no waiting puts it right.
  throw failures.find((error) => !isConnectionFailure(error)) ?? readOnlyFailure(failures[0]);
}

type Connected = (error: Error | null, client?: pg.Client) => void;

/** A client that connects to whichever server is chosen when it connects, and is then handed to `opening`. */
function choosingClient(
  choose: () => Promise<Server>,
  opening: (client: pg.Client) => void,
): new (
  config: pg.ClientConfig,
) => pg.Client {
  return class extends pg.Client {
    override connect(): Promise<pg.Client>;
    override connect(connected: Connected): void;
    override connect(connected?: Connected): Promise<pg.Client> | undefined {
      if (connected === undefined)
        return new Promise((resolve, reject) => {
          this.connect((error) => (error ? reject(error) : resolve(this)));
        });
      choose().then(({ host, port }) => {
        // Whoever waited has given it up.
        if (this.connection.stream.destroyed) return connected(new Error('timeout expired'));
        this.host = host;
        this.port = port;
        opening(this);
        super.connect(connected as (error: Error) => void);
      }, connected);
      return undefined;
    }
  };
}
