import { customCleanEnv, EnvMissingError, type ReporterOptions } from 'envalid';
import {
  brokerUrl,
  choice,
  count,
  databaseUrl,
  duration,
  host,
  httpUrl,
  instance,
  logLevel,
  port,
  ratio,
  secret,
} from './validators.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything that is wrong with the environment, one line for each variable. Holds names, never values. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n  ${faults.join('\n  ')}`,
    );
    this.faults = faults;
  }
}

/** Samplers by their standard names, as far as they are supported. */
export const SAMPLERS = [
  ...['always_on', 'always_off', 'traceidratio'],
  ...['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'],
] as const;
const exporter = ({ desc }: { desc: string }) => choice(['otlp', 'none'], { default: 'otlp', desc });

/** The variables every service reads. `service` is the default of INSTANCE, followed by the process id. */
export function baseConfig(service: string) {
  return {
    HOST: host({ default: '127.0.0.1', desc: 'address to listen on' }),
    PORT: port({ desc: 'port of the gRPC server; 0 takes a free one' }),
    METRICS_PORT: port({ default: 0, desc: 'port of GET /metrics; 0 turns it off' }),
    DATABASE_URL: databaseUrl({ desc: 'postgres:// URL of the database of this service' }),
    DATABASE_POOL_SIZE: count({ default: 8, desc: 'most connections to the database' }),
    EVENTS_URL: brokerUrl({
      default: '',
      desc: 'nats:// URL of the event broker; without one events need none',
    }),
    LOG_LEVEL: logLevel({ default: 'info', desc: 'least severe level that is logged' }),
    INSTANCE: instance({ default: `${service}-${process.pid}`, desc: 'name of this process in logs' }),
    DRAIN_TIMEOUT_MS: duration({
      default: 10_000,
      desc: 'how long calls under way may take to finish at stop',
    }),
    SIDECAR_SECRET: secret({
      default: '',
      desc: 'shared with the sidecar, through which all calls must then come; without one there is none',
    }),
    EVENT_RETENTION_S: duration({
      default: 86_400,
      desc: 'how long published events stay in the log at the least',
    }),
    OTEL_SDK_DISABLED: choice(['false', 'true'], { default: 'false', desc: 'true: no telemetry by OTLP' }),
    OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl({
      default: '',
      desc: 'http:// URL that takes OTLP with Protobuf; without one there are no traces, and nothing is sent',
    }),
    OTEL_TRACES_EXPORTER: exporter({ desc: 'otlp, or none' }),
    OTEL_METRICS_EXPORTER: exporter({ desc: 'otlp, or none' }),
    OTEL_LOGS_EXPORTER: exporter({ desc: 'otlp, or none' }),
    OTEL_BSP_SCHEDULE_DELAY: duration({ default: 5_000, desc: 'how often spans are sent, in milliseconds' }),
    OTEL_BLRP_SCHEDULE_DELAY: duration({ default: 1_000, desc: 'how often logs are sent, in milliseconds' }),
    OTEL_METRIC_EXPORT_INTERVAL: duration({
      default: 60_000,
      desc: 'how often metrics are sent, in milliseconds',
    }),
    OTEL_TRACES_SAMPLER: choice(SAMPLERS, {
      default: 'parentbased_traceidratio',
      desc: 'which traces are recorded',
    }),
    OTEL_TRACES_SAMPLER_ARG: ratio({
      default: 0.1,
      desc: 'the part of the traces that begin here which is recorded, 0 to 1',
    }),
  };
}

/** Parses `environment` by `spec`, freezes the result. An empty variable counts as absent. Throws {@link ConfigError}. */
export function parseConfig<Spec extends object>(spec: Spec, environment: Environment) {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const reporter = ({ errors }: ReporterOptions<unknown>): void => {
    const faults = Object.entries(errors as Record<string, Error>).map(([name, error]) =>
      error instanceof EnvMissingError ? `${name} is missing: ${error.message}` : `${name} ${error.message}`,
    );
    if (faults.length > 0) throw new ConfigError(faults);
  };
  return Object.freeze(customCleanEnv(given, spec, (cleaned) => cleaned, { reporter }));
}

/**
 * The process's configuration, read once at start; nothing else reads `process.env`. When anything in it is
 * wrong, prints every fault on stderr and exits with code 1.
 */
export function loadConfig<Spec extends object>(spec: Spec) {
  try {
    return parseConfig(spec, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
