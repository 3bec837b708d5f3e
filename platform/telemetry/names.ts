/**
 * Every name of a metric, a span's kind and an attribute that the services emit: the one registry. What OpenTelemetry's
 * semantic conventions name is named as they do (https://opentelemetry.io/docs/specs/semconv/); what they have no name
 * for begins with `souk.`, and what is read from PostgreSQL's statistics with `postgresql.`, as the Collector's own
 * receiver calls it. A table, and long so that there is one. On `/metrics` each has the name that follows from this one: see {@link prometheusName}.
 */
export const ATTRIBUTES = {
  serviceName: 'service.name',
  serviceInstance: 'service.instance.id',
  serviceNamespace: 'service.namespace',
  errorType: 'error.type',

  rpcSystem: 'rpc.system.name',
  /** `shop.product.v1.ProductService/GetProduct` */
  rpcMethod: 'rpc.method',
  /** The code's name: `OK`, `DEADLINE_EXCEEDED`. */
  rpcStatus: 'rpc.response.status_code',
  /** A failure's own reason: `PRODUCT_NOT_FOUND`. */
  reason: 'souk.reason',
  requestId: 'souk.request.id',

  dbSystem: 'db.system.name',
  /** The database: `souk_order`. */
  dbNamespace: 'db.namespace',
  /** `SELECT`, `INSERT` */
  dbOperation: 'db.operation.name',
  /** Verb and tables: `UPDATE stock`. Never a statement's text, whose parameters could be personal. */
  dbSummary: 'db.query.summary',
  /** SQLSTATE. */
  dbStatus: 'db.response.status_code',
  dbPool: 'db.client.connection.pool.name',
  dbConnectionState: 'db.client.connection.state',

  messagingSystem: 'messaging.system',
  /** The publishing service, as all of its events are one log. */
  messagingDestination: 'messaging.destination.name',
  messagingOperation: 'messaging.operation.name',
  messagingOperationType: 'messaging.operation.type',
  messagingMessageId: 'messaging.message.id',
  messagingBatch: 'messaging.batch.message_count',
  messagingConsumer: 'messaging.consumer.group.name',
  /** The event's type: `shop.order.v1.OrderPlaced`. */
  eventType: 'souk.event.type',
  /** Of an event that could not take effect yet: RETRYING, WAITING, PARKED. */
  eventState: 'souk.event.state',

  transactionId: 'souk.transaction.id',
  /** `create-order` */
  transactionKind: 'souk.transaction.kind',
  /** RUNNING, COMMITTING, ROLLING_BACK. */
  transactionState: 'souk.transaction.state',
  /** `committed`, `rolled_back` */
  transactionOutcome: 'souk.transaction.outcome',
  /** What is done in a transaction: `try`, `confirm`, `cancel`, `run`, `undo`; at a participant its method. */
  step: 'souk.transaction.step',
  /** commit, rollback, wait, failed: what became of a question to a coordinator. */
  answer: 'souk.participant.answer',
} as const;

/** An attribute's name. */
export type Attribute = (typeof ATTRIBUTES)[keyof typeof ATTRIBUTES];

/** What a metric is, and what it is told apart by. */
export interface MetricSpec {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** As in UCUM: `s`, `By`; what is counted in braces: `{event}`. */
  readonly unit: string;
  readonly help: string;
  readonly attributes: readonly Attribute[];
  /** Of a histogram: upper bounds. */
  readonly buckets?: readonly number[];
}

/** Value of `messaging.system`: events go by the services' own logs, whatever carries them. */
export const MESSAGING_SYSTEM = 'souk';

const A = ATTRIBUTES;
/**
 * In seconds: an in-memory read takes about one millisecond, deadlines end at about ten seconds. They are closest where
 * it is decided whether a shop is slow: a quantile is told as if calls lay evenly in their bucket.
 */
const CALL = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2.5, 5, 10];
/** From a transaction on one machine to one that waits for a participant to come back. */
const TRANSACTION = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** From what a healthy consumer takes to one that was away for hours. */
const DELIVERY = [...CALL, 60, 600, 3600];
const STATEMENT = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10];
const PASSWORD = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28];

const spec = <const Spec extends MetricSpec>(given: Spec): Spec => given;

/** Every metric but those of the Node process, which are prom-client's own (`process_*`, `nodejs_*`). */
export const METRICS = {
  rpcServerCalls: spec({
    name: 'rpc.server.call.duration',
    kind: 'histogram',
    unit: 's',
    help: 'Time from the arrival of a call to its status',
    attributes: [A.rpcSystem, A.rpcMethod, A.rpcStatus],
    buckets: CALL,
  }),
  rpcClientCalls: spec({
    name: 'rpc.client.call.duration',
    kind: 'histogram',
    unit: 's',
    help: 'Time from the sending of a call to another service to its status',
    attributes: [A.rpcSystem, A.rpcMethod, A.rpcStatus],
    buckets: CALL,
  }),

  dbOperations: spec({
    name: 'db.client.operation.duration',
    kind: 'histogram',
    unit: 's',
    help: 'Time that a statement took, with its wait for a connection',
    attributes: [A.dbSystem, A.dbNamespace, A.dbOperation, A.errorType],
    buckets: STATEMENT,
  }),
  dbConnections: spec({
    name: 'db.client.connection.count',
    kind: 'gauge',
    unit: '{connection}',
    help: 'Connections of the pool, idle and used',
    attributes: [A.dbPool, A.dbConnectionState],
  }),
  dbConnectionLimit: spec({
    name: 'db.client.connection.max',
    kind: 'gauge',
    unit: '{connection}',
    help: 'The most connections that the pool may open',
    attributes: [A.dbPool],
  }),
  dbPending: spec({
    name: 'db.client.connection.pending_requests',
    kind: 'gauge',
    unit: '{request}',
    help: 'Statements and transactions that wait for a connection',
    attributes: [A.dbPool],
  }),
  pgBackends: spec({
    name: 'postgresql.backends',
    kind: 'gauge',
    unit: '{connection}',
    help: 'Connections to the database, of all processes',
    attributes: [A.dbNamespace],
  }),
  pgCommits: spec({
    name: 'postgresql.commits',
    kind: 'counter',
    unit: '{transaction}',
    help: 'Transactions committed in the database, of all processes',
    attributes: [A.dbNamespace],
  }),
  pgRollbacks: spec({
    name: 'postgresql.rollbacks',
    kind: 'counter',
    unit: '{transaction}',
    help: 'Transactions rolled back in the database, of all processes',
    attributes: [A.dbNamespace],
  }),
  pgDeadlocks: spec({
    name: 'postgresql.deadlocks',
    kind: 'counter',
    unit: '{deadlock}',
    help: 'Deadlocks in the database',
    attributes: [A.dbNamespace],
  }),
  pgBlocksHit: spec({
    name: 'postgresql.blks_hit',
    kind: 'counter',
    unit: '{block}',
    help: "Blocks that were found in PostgreSQL's cache",
    attributes: [A.dbNamespace],
  }),
  pgBlocksRead: spec({
    name: 'postgresql.blks_read',
    kind: 'counter',
    unit: '{block}',
    help: 'Blocks that were read from disk, or from its cache',
    attributes: [A.dbNamespace],
  }),
  pgSize: spec({
    name: 'postgresql.db_size',
    kind: 'gauge',
    unit: 'By',
    help: 'The disk space of the database',
    attributes: [A.dbNamespace],
  }),
  pgLongest: spec({
    name: 'postgresql.transaction.oldest.age',
    kind: 'gauge',
    unit: 's',
    help: 'Age of the oldest open transaction in the database; 0 when there is none',
    attributes: [A.dbNamespace],
  }),
  pgWaiting: spec({
    name: 'postgresql.backends.waiting',
    kind: 'gauge',
    unit: '{connection}',
    help: 'Connections that wait for a lock',
    attributes: [A.dbNamespace],
  }),

  eventsPublished: spec({
    name: 'messaging.client.sent.messages',
    kind: 'counter',
    unit: '{message}',
    help: 'Events that this process moved to the log',
    attributes: [A.messagingSystem, A.messagingDestination, A.eventType],
  }),
  eventsConsumed: spec({
    name: 'messaging.client.consumed.messages',
    kind: 'counter',
    unit: '{message}',
    help: 'Events whose effects this process has committed',
    attributes: [A.messagingSystem, A.messagingDestination, A.eventType],
  }),
  eventDelivery: spec({
    name: 'souk.event.delivery.duration',
    kind: 'histogram',
    unit: 's',
    help: 'From the time of an event to the commit of its effects here',
    attributes: [A.messagingDestination],
    buckets: DELIVERY,
  }),
  eventRetries: spec({
    name: 'souk.event.retries',
    kind: 'counter',
    unit: '{attempt}',
    help: 'Attempts at events that had failed before, by this process',
    attributes: [A.messagingDestination],
  }),
  eventsParked: spec({
    name: 'souk.event.parked',
    kind: 'gauge',
    unit: '{event}',
    help: 'Events that could not take effect yet, of all replicas',
    attributes: [A.messagingDestination, A.eventState],
  }),
  eventLag: spec({
    name: 'souk.event.consumer.lag',
    kind: 'gauge',
    unit: '{event}',
    help: 'Events that a consumer has not acknowledged, up to 100,000',
    attributes: [A.messagingConsumer],
  }),
  eventLagAge: spec({
    name: 'souk.event.consumer.lag.age',
    kind: 'gauge',
    unit: 's',
    help: 'Age of the oldest event that a consumer has not acknowledged; 0 when there is none',
    attributes: [A.messagingConsumer],
  }),
  eventLog: spec({
    name: 'souk.event.log.events',
    kind: 'gauge',
    unit: '{event}',
    help: "Events in the log, by PostgreSQL's estimate",
    attributes: [],
  }),
  eventOutboxAge: spec({
    name: 'souk.event.outbox.age',
    kind: 'gauge',
    unit: 's',
    help: 'Age of the oldest event that is not yet in the log; 0 when there is none',
    attributes: [],
  }),

  transactionsStarted: spec({
    name: 'souk.transaction.started',
    kind: 'counter',
    unit: '{transaction}',
    help: 'Distributed transactions begun by this process',
    attributes: [A.transactionKind],
  }),
  transactionsEnded: spec({
    name: 'souk.transaction.duration',
    kind: 'histogram',
    unit: 's',
    help: 'From the beginning of a distributed transaction to its end on all sides',
    attributes: [A.transactionKind, A.transactionOutcome],
    buckets: TRANSACTION,
  }),
  transactionsRecovered: spec({
    name: 'souk.transaction.recovered',
    kind: 'counter',
    unit: '{transaction}',
    help: 'Takeovers of distributed transactions that were left behind',
    attributes: [A.transactionKind],
  }),
  branchConflicts: spec({
    name: 'souk.transaction.branch.conflicts',
    kind: 'counter',
    unit: '{branch}',
    help: "Participants' answers that a branch does not fit what it did before",
    attributes: [A.transactionKind, A.reason],
  }),
  transactionsInFlight: spec({
    name: 'souk.transaction.in_flight',
    kind: 'gauge',
    unit: '{transaction}',
    help: 'Open distributed transactions, of all replicas',
    attributes: [A.transactionKind, A.transactionState],
  }),
  transactionsOldest: spec({
    name: 'souk.transaction.oldest.age',
    kind: 'gauge',
    unit: 's',
    help: 'Age of the oldest open distributed transaction; 0 when there is none',
    attributes: [],
  }),
  participantConflicts: spec({
    name: 'souk.participant.conflicts',
    kind: 'counter',
    unit: '{branch}',
    help: 'Branches of distributed transactions answered with CONFLICT',
    attributes: [A.step, A.reason],
  }),
  participantInquiries: spec({
    name: 'souk.participant.inquiries',
    kind: 'counter',
    unit: '{question}',
    help: 'Questions to the coordinator about tries that were left hanging',
    attributes: [A.answer],
  }),

  passwordHashes: spec({
    name: 'souk.password.hash.duration',
    kind: 'histogram',
    unit: 's',
    help: 'Time to compute a password hash',
    attributes: [],
    buckets: PASSWORD,
  }),
} as const;

const UNIT_SUFFIXES: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' };

/**
 * A metric's name on `/metrics`, by OpenTelemetry's rule: `rpc.server.call.duration` in `s` is
 * `rpc_server_call_duration_seconds`, and a counter ends with `_total`.
 */
export function prometheusName({ name, unit, kind }: Pick<MetricSpec, 'name' | 'unit' | 'kind'>): string {
  return labelName(name) + (UNIT_SUFFIXES[unit] ?? '') + (kind === 'counter' ? '_total' : '');
}

/** Dots become underscores, in type and value. */
export type LabelName<Name extends string> = Name extends `${infer Head}.${infer Tail}`
  ? `${Head}_${LabelName<Tail>}`
  : Name;

/** An attribute's name as a label on `/metrics`: `rpc_method`. */
export function labelName<Name extends string>(attribute: Name): LabelName<Name> {
  return attribute.replaceAll('.', '_') as LabelName<Name>;
}
