import { logs } from '@opentelemetry/api';
import { setGlobalErrorHandler } from '@opentelemetry/core';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import type { Registry } from 'prom-client';
import type { Logger } from './log.ts';
import { lineEmitter } from './log-bridge.ts';
import { metricBridge } from './metric-bridge.ts';
import { ATTRIBUTES } from './names.ts';
import type { FinishedSpan } from './span.ts';
import { spanExporter } from './span-bridge.ts';

/** What there is to send. */
export type Signal = 'traces' | 'metrics' | 'logs';

/** What is sent, and of whom. */
export interface OtlpOptions {
  readonly service: string;
  readonly instance: string;
  readonly exported: Readonly<Record<Signal, boolean>>;
  /** How often each is sent, in milliseconds. */
  readonly everyMs: Readonly<Record<Signal, number>>;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'warn'>;
}

/** The sending of telemetry. */
export interface Otlp {
  takeSpan(span: FinishedSpan): void;
  /** Takes a line of the log, as JSON. */
  takeLine(line: string): void;
  /** Sends what there still is, for a moment at most. */
  stop(): Promise<void>;
}

/** A collector that is away is told of this often at most. */
const TELL_EVERY_MS = 60_000;
/** What one sending of metrics may take. */
const METRICS_TIMEOUT_MS = 10_000;
/** What a stop may wait for a collector. */
const STOP_MS = 1_000;

/**
 * Starts OpenTelemetry's SDK, which takes spans, metrics and logs where they are made, and sends them in batches to where
 * the standard variables (OTEL_EXPORTER_OTLP_*) say. Its queues are bounded: what can't be sent is dropped.
 */
export function startOtlp({ service, instance, exported, everyMs, registry, log }: OtlpOptions): Otlp {
  let toldAt = Number.NEGATIVE_INFINITY;
  setGlobalErrorHandler((error) => {
    if (performance.now() < toldAt + TELL_EVERY_MS) return;
    toldAt = performance.now();
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ reason: reason.slice(0, 200) }, 'telemetry can not be sent, and is dropped');
  });
  const resource = resourceFromAttributes({
    [ATTRIBUTES.serviceName]: service,
    [ATTRIBUTES.serviceInstance]: instance,
    [ATTRIBUTES.serviceNamespace]: 'souk',
  }).merge(detectResources({ detectors: [envDetector] }));
  const spans = new BatchSpanProcessor({
    exporter: new OTLPTraceExporter(),
    scheduledDelayMillis: everyMs.traces,
  });
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false,
    // The services carry the context themselves: platform/telemetry/trace.ts.
    textMapPropagator: null,
    spanProcessors: exported.traces ? [spans] : [],
    metricReaders: exported.metrics
      ? [
          new PeriodicExportingMetricReader({
            exporter: new OTLPMetricExporter(),
            exportIntervalMillis: everyMs.metrics,
            exportTimeoutMillis: Math.min(everyMs.metrics, METRICS_TIMEOUT_MS),
            metricProducers: [metricBridge(registry, resource)],
          }),
        ]
      : [],
    logRecordProcessors: exported.logs
      ? [
          new BatchLogRecordProcessor({
            exporter: new OTLPLogExporter(),
            scheduledDelayMillis: everyMs.logs,
          }),
        ]
      : [],
  });
  sdk.start();
  const takeLine = lineEmitter(logs.getLogger('souk'));

  return {
    takeSpan: spanExporter(spans, resource),
    takeLine: exported.logs ? takeLine : () => {},
    async stop() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, STOP_MS);
      });
      await Promise.race([sdk.shutdown().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}
