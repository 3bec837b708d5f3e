import { currentSpan, within } from '../telemetry/span.ts';
import { createDepartures, type DepartureOptions } from './departures.ts';

/**
 * Lets calls of `work` begin together, as departures.ts says, and end each by itself; a run is over when the last of
 * them has ended. What they call through batchers then stays together at every step, whereas calls that each begin when
 * they come would meet in batches of a few.
 */
export function createConvoy<Argument, Result>(
  work: (argument: Argument) => Promise<Result>,
  options: DepartureOptions,
): (argument: Argument) => Promise<Result> {
  const depart = createDepartures(async (starts: (() => Promise<void>)[]) => {
    await Promise.all(starts.map((start) => start()));
  }, options);
  return (argument) =>
    new Promise((resolve, reject) => {
      const span = currentSpan();
      depart(() => within(span, () => work(argument)).then(resolve, reject));
    });
}
