import type { DestinationStream } from 'pino';
import type { App } from '../lifecycle/run.ts';
import { createLogger, type Logger } from './log.ts';
import { createMetrics, type Metrics, serveMetrics } from './metrics.ts';
import { samplingOf } from './sampling.ts';
import { setSpanSink } from './span.ts';
import { setSampling } from './trace.ts';

/** What telemetry needs of a service's configuration. */
export interface TelemetryConfig {
  readonly INSTANCE: string;
  readonly LOG_LEVEL: string;
  readonly HOST: string;
  readonly METRICS_PORT: number;
  readonly OTEL_SDK_DISABLED: string;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT: string;
  readonly OTEL_TRACES_EXPORTER: string;
  readonly OTEL_METRICS_EXPORTER: string;
  readonly OTEL_LOGS_EXPORTER: string;
  readonly OTEL_BSP_SCHEDULE_DELAY: number;
  readonly OTEL_BLRP_SCHEDULE_DELAY: number;
  readonly OTEL_METRIC_EXPORT_INTERVAL: number;
  readonly OTEL_TRACES_SAMPLER: string;
  readonly OTEL_TRACES_SAMPLER_ARG: number;
}

/** A process's telemetry. */
export interface Telemetry {
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Serves /metrics, and sends by OTLP what there is an endpoint for, until the app has stopped. */
  start(app: Pick<App, 'onStop'>): Promise<void>;
}

/** The telemetry of a process of a service, which begins with {@link Telemetry.start}. */
export function createTelemetry(service: string, config: TelemetryConfig): Telemetry {
  const { INSTANCE: instance, LOG_LEVEL: level } = config;
  const on = config.OTEL_SDK_DISABLED !== 'true' && config.OTEL_EXPORTER_OTLP_ENDPOINT !== '';
  const exported = {
    traces: on && config.OTEL_TRACES_EXPORTER === 'otlp',
    metrics: on && config.OTEL_METRICS_EXPORTER === 'otlp',
    logs: on && config.OTEL_LOGS_EXPORTER === 'otlp',
  };
  // Lines also go to whoever takes them, once there is one.
  let takeLine: ((line: string) => void) | undefined;
  const both: DestinationStream = {
    write(line) {
      process.stdout.write(line);
      takeLine?.(line);
    },
  };
  const log = createLogger({ service, instance, level }, exported.logs ? both : undefined);
  const metrics = createMetrics();

  return {
    log,
    metrics,
    async start(app) {
      if (config.METRICS_PORT > 0)
        app.onStop((await serveMetrics(metrics.registry, config.HOST, config.METRICS_PORT)).close);
      if (!exported.traces && !exported.metrics && !exported.logs) return;
      if (exported.traces) {
        setSampling(samplingOf(config.OTEL_TRACES_SAMPLER, config.OTEL_TRACES_SAMPLER_ARG));
      }
      // Beside the rest of the start: it takes as long to load as all else together, and nothing waits for it.
      const otlp = import('./otlp.ts').then(({ startOtlp }) => {
        const started = startOtlp({
          ...{ service, instance, exported, registry: metrics.registry, log },
          everyMs: {
            traces: config.OTEL_BSP_SCHEDULE_DELAY,
            metrics: config.OTEL_METRIC_EXPORT_INTERVAL,
            logs: config.OTEL_BLRP_SCHEDULE_DELAY,
          },
        });
        if (exported.traces) setSpanSink(started.takeSpan);
        takeLine = started.takeLine;
        return started;
      });
      otlp.catch((err: unknown) => log.error({ err }, 'there is no telemetry by OTLP'));
      app.onStop(async () => {
        const started = await otlp.catch(() => undefined);
        setSpanSink(undefined);
        takeLine = undefined;
        await started?.stop();
      });
    },
  };
}
