import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { ATTRIBUTES as A, MESSAGING_SYSTEM } from '../telemetry/names.ts';
import { isRecorded, recordSpan, type SpanAttributes, within } from '../telemetry/span.ts';
import { childSpan, maySample, parseTraceparent } from '../telemetry/trace.ts';
import type { Received } from './event.ts';

/**
 * Records, for each of these events whose trace is recorded, its way from the commit in the outbox to the consumer that
 * it is about to be sent to.
 */
export function recordPublished(source: string, consumer: string, events: readonly Event[]): void {
  for (const event of events) {
    if (!mayRecord(event)) continue;
    const trace = childSpan(parseTraceparent(event.traceparent));
    if (!isRecorded(trace)) continue;
    const end = performance.now();
    const waited = event.time === undefined ? 0 : Math.max(0, Date.now() - timestampMs(event.time));
    recordSpan({
      ...{ trace, name: `publish ${event.type}`, kind: 'producer', start: end - waited, end },
      attributes: { ...attributesOf(source, 'send', event.id, event.type), [A.messagingConsumer]: consumer },
    });
  }
}

/** For most events the answer is no, at the cost of a glance. */
const mayRecord = ({ traceparent }: Event): boolean => traceparent !== '' && maySample(traceparent);

const attributesOf = (source: string, operation: string, id: string, type: string): SpanAttributes => ({
  [A.messagingSystem]: MESSAGING_SYSTEM,
  [A.messagingDestination]: source,
  [A.messagingOperation]: operation,
  [A.messagingOperationType]: operation,
  [A.messagingMessageId]: id,
  [A.eventType]: type,
});

/**
 * Runs `effect`, which is that of these events, as a span of each event whose trace is recorded. What it does is part of
 * the first one's; the others' are linked to that.
 */
export async function asProcessing<T>(
  publisher: string,
  items: readonly { readonly event: Event; readonly known?: { readonly received: Received } }[],
  effect: () => Promise<T>,
): Promise<T> {
  const recorded = items.flatMap(({ event, known }) =>
    known !== undefined && mayRecord(event) && isRecorded(known.received.trace) ? known.received : [],
  );
  const first = recorded[0]?.trace;
  if (first === undefined) return effect();
  const start = performance.now();
  const record = (error?: string): void => {
    const end = performance.now();
    for (const { id, trace, message } of recorded) {
      recordSpan({
        ...{ trace, name: `process ${message.$typeName}`, kind: 'consumer', start, end, error },
        attributes: {
          ...attributesOf(publisher, 'process', id, message.$typeName),
          [A.messagingBatch]: items.length,
        },
        ...(trace !== first && { links: [first] }),
      });
    }
  };
  return within<Promise<T>>(first, async () => {
    try {
      const result = await effect();
      record();
      return result;
    } catch (error) {
      record('EFFECT_FAILED');
      throw error;
    }
  });
}
