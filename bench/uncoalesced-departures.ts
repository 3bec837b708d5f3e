/** In the place of platform/batch/departures.ts: nothing waits for anything. */
export const createDepartures =
  <T>(run: (items: T[]) => Promise<void>): ((item: T) => void) =>
  (item) =>
    void run([item]);
