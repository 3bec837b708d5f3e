import { randomUUID } from 'node:crypto';
import type { DescService } from '@bufbuild/protobuf';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '@souk/contracts/google/rpc/error_details_pb.js';
import { UserEventService } from '@souk/contracts/shop/user/v1/user_event_service_pb.js';
import type { Session, User } from '@souk/contracts/shop/user/v1/user_pb.js';
import { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import { WalletService } from '@souk/contracts/shop/user/v1/wallet_service_pb.js';
import { afterAll, expect } from 'vitest';
import type { Sql } from '../../platform/db/database.ts';
import { createServer } from '../../platform/rpc/server.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { type TestDatabase, testDatabase } from '../../platform/testing/database.ts';
import { userEvents } from './events.ts';
import { createUserMetrics, type UserMetrics } from './metrics.ts';
import { createService, type ServiceSettings } from './service.ts';
import { createSigningKeyCipher } from './signing-key-cipher.ts';
import { openSigningKeys, type SigningKeys } from './signing-keys.ts';

const ORDER_TOKEN = 'a-secret-of-the-order-service';
const PASSWORD = 'correct horse battery';

/** A signed-in person of a test. */
export interface Person {
  readonly user: User;
  readonly session: Session;
  readonly email: string;
  readonly users: Client<typeof UserService>;
  readonly wallets: Client<typeof WalletService>;
  readonly events: Client<typeof UserEventService>;
}

/** The whole service on a database of its own, called over gRPC as another app would. */
export interface TestService {
  readonly db: TestDatabase;
  readonly keys: SigningKeys;
  readonly metrics: UserMetrics;
  readonly password: string;
  /** Calls without credentials, or with an access token. */
  users(accessToken?: string): Client<typeof UserService>;
  wallets(accessToken?: string): Client<typeof WalletService>;
  /** Calls as the order service. */
  readonly order: Client<typeof WalletService>;
  readonly orderUsers: Client<typeof UserService>;
  /** Registers and logs in somebody new. */
  person(options?: { admin?: boolean }): Promise<Person>;
  /** How many password hashes were computed so far. */
  hashes(): Promise<number>;
  /** How often the publisher was told of events. */
  wakes(): number;
  /** The value of a counter, summed over its labels. */
  counter(name: string, labels?: Record<string, string>): Promise<number>;
}

/** Starts the service for one test file. */
export async function startService(settings: Partial<ServiceSettings> = {}): Promise<TestService> {
  const db = await testDatabase('user');
  const log = createLogger({ service: 'user', instance: 'test', level: 'error' });
  const metrics = createMetrics({ process: false });
  const keys = await openSigningKeys({
    sql: db.sql,
    cipher: createSigningKeyCipher(undefined),
    rotationS: 86_400,
    accessTokenTtlS: 300,
  });
  const userMetrics = createUserMetrics(metrics.registry);
  // Not started: what is published stays where it is.
  const events = userEvents(
    { INSTANCE: 'test', EVENT_RETENTION_S: 3_600, EVENTS_URL: '' },
    db.sql,
    log,
    metrics.registry,
  );
  let wakes = 0;
  const wake = () => void wakes++;
  const server = createServer({
    ...createService(db.sql, { ...events, wake }, keys, userMetrics, {
      ACCESS_TOKEN_TTL_S: 300,
      REFRESH_TOKEN_TTL_S: 3_600,
      PASSWORD_HASH_CONCURRENCY: 2,
      SERVICE_TOKENS: new Map([['order', ORDER_TOKEN]]),
      SIDECAR_SECRET: '',
      ...settings,
    }),
    health: () => db.database.ping(),
    log,
    metrics,
  });
  const port = await server.listen('127.0.0.1', 0);
  afterAll(() => server.drain(1_000));

  const baseUrl = `http://127.0.0.1:${port}`;
  const client = <S extends DescService>(service: S, headers: Record<string, string>): Client<S> =>
    createClient(
      service,
      createGrpcTransport({
        baseUrl,
        interceptors: [
          (next) => (request) => {
            for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
            return next(request);
          },
        ],
      }),
    );
  const bearer = (token?: string): Record<string, string> =>
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const asOrder = { 'x-souk-service': 'order', 'x-souk-service-token': ORDER_TOKEN };
  const users = (token?: string) => client(UserService, bearer(token));
  const wallets = (token?: string) => client(WalletService, bearer(token));
  const open = users();

  async function counter(name: string, labels: Record<string, string> = {}): Promise<number> {
    const metric = await metrics.registry.getSingleMetric(name.replace(/_count$/, ''))?.get();
    let sum = 0;
    for (const value of metric?.values ?? []) {
      const named = 'metricName' in value ? value.metricName === name : true;
      const matches = Object.entries(labels).every(([key, want]) => value.labels[key as never] === want);
      if (named && matches) sum += value.value;
    }
    return sum;
  }

  return {
    db,
    keys,
    metrics: userMetrics,
    password: PASSWORD,
    users,
    wallets,
    order: client(WalletService, asOrder),
    orderUsers: client(UserService, asOrder),
    async person({ admin = false } = {}) {
      const email = `${randomUUID()}@souk.example`;
      const { user } = await open.register({
        requestId: randomUUID(),
        email,
        password: PASSWORD,
        displayName: 'Somebody',
      });
      if (admin) await db.sql`UPDATE users SET role = 'admin' WHERE id = ${user?.id ?? ''}`;
      const login = await open.login({ email, password: PASSWORD });
      const session = login.session as Session;
      const token = session.accessToken;
      return {
        user: login.user as User,
        session,
        email,
        users: users(token),
        wallets: wallets(token),
        events: client(UserEventService, bearer(token)),
      };
    },
    wakes: () => wakes,
    hashes: () => counter('souk_password_hash_duration_seconds_count'),
    counter,
  };
}

/** How a call failed: its code, the reason and fields in its details, and the delay to wait, in milliseconds. */
export interface Failure {
  readonly code: string;
  readonly reason: string | undefined;
  readonly fields: string[];
  readonly retryMs?: number;
}

/** The failure of a call that must fail. */
export async function failure(call: Promise<unknown>): Promise<Failure> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
    return {
      code: Code[error.code] as string,
      reason: error.findDetails(ErrorInfoSchema)[0]?.reason,
      fields: error
        .findDetails(BadRequestSchema)
        .flatMap((bad) => bad.fieldViolations.map(({ field }) => field)),
      ...(delay && { retryMs: Number(delay.seconds) * 1_000 + delay.nanos / 1e6 }),
    };
  }
  throw new Error('the call succeeded');
}

/**
 * Waits until `count` statements in this database wait for a lock: that is where a race is held open. `sql` is not the
 * transaction that holds the lock, to which the view of activity stays the same.
 */
export async function untilBlocked(sql: Sql, count = 1): Promise<void> {
  const waiting = async () => {
    const [row] = await sql<{ n: number }[]>`
      SELECT count(*)::integer AS n FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    return row?.n;
  };
  await expect.poll(waiting, { timeout: 5_000, interval: 20 }).toBe(count);
}
