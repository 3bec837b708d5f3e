import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { ErrorInfoSchema } from '@souk/contracts/google/rpc/error_details_pb.js';
import { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { afterAll } from 'vitest';
import { connect, type Sql } from '../../../platform/db/database.ts';
import { uuidv7 } from '../../../platform/id.ts';
import { createServer } from '../../../platform/rpc/server.ts';
import { createLogger } from '../../../platform/telemetry/log.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { testDatabase } from '../../../platform/testing/database.ts';
import { createTestIssuer } from '../../../platform/testing/tokens.ts';
import { orderServices } from '../order-service.ts';
import { connectPeers } from '../peers.ts';
import { createUseCases, type Peers, type UseCases } from '../use-cases.ts';
import { createEventLog } from './events.ts';
import { Participants } from './participants.ts';

/** With which a participant proves its name. */
export const PEER_TOKEN = 'another-token-for-tests';

/** A client of the order service. */
export type OrderClient = ReturnType<typeof createClient<typeof OrderService>>;

/** One replica of the order service, in this process. */
export interface Replica {
  readonly cases: UseCases;
  readonly baseUrl: string;
  /** What a scrape of its metrics gives. */
  metrics(): Promise<string>;
  client(userId: string, role?: 'customer' | 'admin'): Promise<OrderClient>;
  stop(): Promise<void>;
}

/** How a replica differs from a sound one. */
export interface ReplicaOptions {
  /** Changes what it calls: for a process that dies in the middle of a call. */
  readonly peers?: (peers: Peers) => Peers;
  /** Where it finds the database, if not directly. */
  readonly databaseUrl?: string;
  /**
   * Whether it looks for what others left open, publishes and reads events. Default false: a test calls the recovery
   * itself, and looks into the outbox.
   */
  readonly recover?: boolean;
}

/** A database, its participants, and as many replicas as a test starts. All end with the file's tests. */
export async function orderShop() {
  const database = await testDatabase('order');
  const issuer = await createTestIssuer();
  const participants = await new Participants([issuer.listed]).start();
  const [userEvents, productEvents] = [createEventLog('user'), createEventLog('product')];
  const ends: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    await Promise.all(ends.map((end) => end()));
    await participants.stop();
  });

  async function start(options: ReplicaOptions = {}): Promise<Replica> {
    const log = createLogger({ service: 'order', instance: 'test', level: 'silent' });
    const config = {
      DATABASE_URL: options.databaseUrl ?? database.url,
      DATABASE_POOL_SIZE: 8,
      INSTANCE: `replica-${uuidv7()}`,
      EVENT_RETENTION_S: 3_600,
      EVENTS_URL: '',
    };
    const pool = connect(config, log);
    const { address, token } = participants;
    const metrics = createMetrics({ process: false });
    const connected = connectPeers(
      {
        USER_ADDRESS: address,
        PRODUCT_ADDRESS: address,
        SERVICE_TOKEN: token,
        SERVICE_TOKENS: new Map([['product', PEER_TOKEN]]),
        SIDECAR_SECRET: '',
      },
      metrics,
    );
    const peers = { ...connected, eventSources: { user: userEvents, product: productEvents } };
    const { registry } = metrics;
    const cases = createUseCases(pool.sql, options.peers?.(peers) ?? peers, config, log, registry);
    const stopping = new AbortController();
    if (!options.recover) stopping.abort();
    cases.start(stopping.signal);
    const server = createServer({
      implementations: orderServices(cases),
      authenticate: peers.authenticate,
      health: () => pool.ping(),
      log,
    });
    const baseUrl = `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
    const sessionManager = new Http2SessionManager(baseUrl);

    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopped ??= (async () => {
        stopping.abort();
        await server.drain(500);
        sessionManager.abort();
        // A replica that a test has "killed" never gets idle.
        if (options.peers === undefined) await cases.drain();
        await cases.stop();
        peers.close();
        await pool.close();
      })();
      return stopped;
    };
    ends.push(stop);
    return {
      cases,
      baseUrl,
      metrics: () => registry.metrics(),
      stop,
      async client(userId, role = 'customer') {
        const bearer = `Bearer ${await issuer.token({ userId, role })}`;
        const transport = createGrpcTransport({
          baseUrl,
          sessionManager,
          interceptors: [
            (next) => (request) => {
              request.header.set('authorization', bearer);
              return next(request);
            },
          ],
        });
        return createClient(OrderService, transport);
      },
    };
  }

  return {
    sql: database.sql,
    databaseUrl: database.url,
    participants,
    userEvents,
    productEvents,
    issuer,
    start,
  };
}

/** What a call failed with. Throws when it did not fail. */
export async function failureOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => ConnectError.from(reason),
  );
  if (error === undefined) throw new Error('the call did not fail');
  const [info] = error.findDetails(ErrorInfoSchema);
  return { code: Code[error.code], reason: info?.reason, metadata: info?.metadata };
}

/** Lets the lease of every open transaction run out, as if their process had been silent for that long. */
export async function expireLeases(sql: Sql): Promise<void> {
  await sql`update transactions set lease_until = now() - interval '1 second' where open`;
}

/** How the transactions about an order stand, oldest first. */
export async function statesOf(sql: Sql, orderId: string): Promise<string[]> {
  const rows = await sql<{ state: string }[]>`
    select kind || ' ' || state as state from transactions where entity_id = ${orderId} order by id`;
  return rows.map(({ state }) => state);
}
