import { type Receiver, startReceiver } from '../observability/receiver.ts';

/** Where the telemetry of services and Envoys goes. */
export interface Telemetry {
  /** Takes OTLP by HTTP: `http://127.0.0.1:4318`. */
  readonly endpoint: string;
  /** What services find in their environment of it. */
  readonly environment: NodeJS.ProcessEnv;
  /** The launcher's own receiver, unless the environment names another. */
  readonly receiver: Receiver | undefined;
}

/**
 * To OTEL_EXPORTER_OTLP_ENDPOINT, else to a receiver in this process, which keeps the spans of late and wants nothing
 * else. Undefined where OTEL_SDK_DISABLED turns it off.
 */
export async function startTelemetry(inherited: NodeJS.ProcessEnv): Promise<Telemetry | undefined> {
  if (inherited.OTEL_SDK_DISABLED === 'true') return undefined;
  const named = inherited.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (named) return { endpoint: named, environment: {}, receiver: undefined };
  const receiver = await startReceiver();
  return {
    endpoint: receiver.url,
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
    },
    receiver,
  };
}
