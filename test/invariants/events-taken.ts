import type { Databases } from './databases.ts';
import type { Invariant } from './invariant.ts';

const services = ['user', 'product', 'order'] as const satisfies readonly (keyof Databases)[];

/** Every event is in its log, and every consumer has taken it. */
export const eventsTaken: Invariant = {
  name: 'every event has taken effect',
  async violations(databases) {
    const found: string[] = [];
    for (const publisher of services) {
      const { rows: waiting } = await databases[publisher].query(
        'select count(*)::integer as count from outbox having count(*) > 0',
      );
      for (const { count } of waiting) found.push(`${count} events of ${publisher} are not in its log`);
      const { rows: ends } = await databases[publisher].query<{ partition: number; position: string }>(
        'select partition, max(position)::text as position from events group by partition',
      );
      for (const consumer of services) {
        const { rows } = await databases[consumer].query<{ partition: number; position: string | null }>(
          'select partition, position::text from event_positions where publisher = $1',
          [publisher],
        );
        const behind = rows.filter(({ partition, position }) => {
          const end = ends.find((one) => one.partition === partition)?.position ?? '0';
          return position === null || BigInt(position) < BigInt(end);
        });
        if (behind.length > 0)
          found.push(`${consumer} is behind in ${behind.length} partitions of ${publisher}`);
      }
    }
    return found;
  },
};

/** Nothing that should have taken effect was set aside. */
export const nothingParked: Invariant = {
  name: 'no event is parked',
  async violations(databases) {
    const found = await Promise.all(
      services.map((service) =>
        databases[service].query('select publisher, position, state, last_error from parked_events'),
      ),
    );
    return found.flatMap(({ rows }) => rows.map((row) => JSON.stringify(row)));
  },
};
