import { SAMPLERS } from '../../platform/config/config.ts';
import { samplingOf } from '../../platform/telemetry/sampling.ts';
import type { Tracing } from '../envoy/governance/tracing.ts';
import { type Receiver, startReceiver } from '../observability/receiver.ts';
import { Cure } from './cure.ts';

/** Where the telemetry of services and Envoys goes. */
export interface Telemetry {
  /** What services find in their environment of it. */
  readonly environment: NodeJS.ProcessEnv;
  /** Where Envoys' spans go, and which. Undefined: there are none. */
  readonly tracing: Tracing | undefined;
  /** The launcher's own receiver, unless the environment names another. */
  readonly receiver: Receiver | undefined;
}

/**
 * Telemetry as the standard variables say: to OTEL_EXPORTER_OTLP_ENDPOINT, else to a receiver in this process, which
 * keeps the spans of late and wants nothing else. Undefined where OTEL_SDK_DISABLED turns it off.
 *
 * @throws Cure for what is wrong with a variable
 */
export async function startTelemetry(inherited: NodeJS.ProcessEnv): Promise<Telemetry | undefined> {
  if (inherited.OTEL_SDK_DISABLED === 'true') return undefined;
  const named = inherited.OTEL_EXPORTER_OTLP_ENDPOINT;
  const ratio = ratioOf(inherited);
  if (named) {
    if (!URL.canParse(named))
      throw new Cure('OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://127.0.0.1:4318');
    const traced = inherited.OTEL_TRACES_EXPORTER !== 'none';
    return { environment: {}, tracing: traced ? { endpoint: named, ratio } : undefined, receiver: undefined };
  }
  const receiver = await startReceiver();
  return { ...sendingTo(receiver, ratio), receiver };
}

/** Telemetry to a receiver of ours: traces alone, and soon. */
export const sendingTo = ({ url }: Pick<Receiver, 'url'>, ratio: number): Omit<Telemetry, 'receiver'> => ({
  environment: {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_BSP_SCHEDULE_DELAY: '1000',
    OTEL_TRACES_SAMPLER_ARG: String(ratio),
  },
  tracing: { endpoint: url, ratio },
});

function ratioOf({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG }: NodeJS.ProcessEnv): number {
  const sampler = OTEL_TRACES_SAMPLER || 'parentbased_traceidratio';
  if (!SAMPLERS.some((known) => known === sampler))
    throw new Cure(`OTEL_TRACES_SAMPLER must be one of ${SAMPLERS.join(', ')}`);
  const ratio = Number(OTEL_TRACES_SAMPLER_ARG || 0.1);
  if (!(ratio >= 0 && ratio <= 1)) throw new Cure('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1');
  return samplingOf(sampler, ratio).ratio;
}
