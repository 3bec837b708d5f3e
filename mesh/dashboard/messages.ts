/** What the launcher tells the page: the data of Server-Sent Events of the same names. */
export interface Messages {
  /** At first, and at each change. */
  readonly shop: ShopView;
  /** At first: what was recorded. */
  readonly history: History;
  /** Each second or so. */
  readonly moment: Moment;
  /** At first, and when there are more: the newest first. */
  readonly failures: readonly Failure[];
  /** At first, and when there are more: the newest first. */
  readonly happenings: readonly Happening[];
}

/** What runs. */
export interface ShopView {
  readonly mesh: 'sidecars' | 'gateway' | 'none';
  /** Whether instances can be killed, drained, paused and scaled from the page. */
  readonly controls: boolean;
  /** Whether there are traces to look at. */
  readonly traces: boolean;
  readonly parts: readonly PartView[];
  readonly instances: readonly InstanceView[];
}

/** A process that is no instance of a service. */
export interface PartView {
  readonly name: string;
  readonly kind: 'gateway' | 'postgres' | 'nats';
  readonly address: string;
  readonly up: boolean;
  /** When it started, in milliseconds since the epoch; 0 while it is down. */
  readonly since: number;
  /** Of PostgreSQL's second server: whether each commit is on it too, so that it could take the primary's place. */
  readonly synchronous?: boolean;
}

/**
 * How an instance is: without a process; with one that doesn't serve yet, after a death or for the first time; stopped;
 * kept from calls by an Envoy, because they fail or because its health checks do; kept from them by a person.
 */
export type InstanceState =
  | 'dead'
  | 'restarting'
  | 'starting'
  | 'paused'
  | 'ejected'
  | 'unhealthy'
  | 'drained'
  | 'serving';

/** An instance of a service. */
export interface InstanceView {
  readonly name: string;
  readonly service: string;
  readonly version: string;
  readonly address: string;
  readonly state: InstanceState;
  /** Who has taken it out: names of Envoys. */
  readonly by: readonly string[];
  /** Its part of its service's calls, of 1 altogether. */
  readonly share: number;
  /** As of PartView. */
  readonly since: number;
  readonly deaths: number;
}

/** Series by name; a value is null where none was measured. */
export interface History {
  /** Milliseconds since the epoch. */
  readonly times: readonly number[];
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

/** The newest values of all series. */
export interface Moment {
  readonly time: number;
  readonly values: Readonly<Record<string, number | null>>;
}

/** A call that failed, or was refused. */
export interface Failure {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Which listener tells of it: `gateway`, `order-1 out`. */
  readonly where: string;
  /** `shop.order.v1.OrderService/CreateOrder` */
  readonly method: string;
  /** A gRPC status by name, or `HTTP 404`. */
  readonly status: string;
  /** Whether the shop is to blame; else the caller was refused. */
  readonly fault: boolean;
  /** Envoy's response flags; empty if there are none. */
  readonly flags: string;
  readonly durationMs: number;
  readonly attempts: number;
  /** 32 hex digits; empty if the call had none. */
  readonly traceId: string;
}

/** A line that the launcher has logged. */
export interface Happening {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly line: string;
}

/** A span of a trace. */
export interface SpanView {
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly service: string;
  readonly instance: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** A trace in a list. */
export interface TraceSummary {
  readonly traceId: string;
  readonly name: string;
  readonly service: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly spans: number;
  readonly failed: boolean;
}
