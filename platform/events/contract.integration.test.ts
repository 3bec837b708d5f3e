import { describe } from 'vitest';
import { testEventServices } from '../testing/event-service.ts';
import { memoryPublisher } from '../testing/memory-source.ts';
import { testSourceContract } from '../testing/source-contract.ts';
import type { NewEvent } from './event.ts';

const { start } = await testEventServices();

describe("a publisher's log over gRPC", () => testSourceContract(start));

// Which the tests of the consumer stand on.
describe('a publisher in memory', () => {
  testSourceContract(async () => {
    const product = memoryPublisher('product');
    return {
      source: () => product.source,
      async publish(events: readonly NewEvent[]) {
        product.publish(events);
        const state = new Map([...product.state, ...events].map((event) => [event.subject, event]));
        product.state.splice(0, Number.POSITIVE_INFINITY, ...state.values());
      },
      async removeOld() {
        product.faults.removed = BigInt(product.log.length);
      },
    };
  });
});
