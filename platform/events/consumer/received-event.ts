import type { Message } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { childSpan, parseTraceparent, type TraceContext } from '../../telemetry/trace.ts';
import type { Received } from '../event.ts';

/** An event with its message decoded. What most subscribers never ask for is made when asked. */
export class ReceivedEvent implements Received {
  readonly message: Message;
  readonly #event: Event;
  #time: Date | undefined;
  #trace: TraceContext | undefined;

  constructor(event: Event, message: Message) {
    this.#event = event;
    this.message = message;
  }

  get id(): string {
    return this.#event.id;
  }

  get source(): string {
    return this.#event.source;
  }

  get subject(): string {
    return this.#event.subject;
  }

  get position(): bigint {
    return this.#event.position;
  }

  get time(): Date {
    const { time } = this.#event;
    this.#time ??= time === undefined ? new Date() : timestampDate(time);
    return this.#time;
  }

  get trace(): TraceContext {
    this.#trace ??= childSpan(parseTraceparent(this.#event.traceparent));
    return this.#trace;
  }
}
