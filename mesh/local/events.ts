import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary, toJsonString } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { connect, type Sql } from '../../platform/db/database.ts';
import { createParkedRecords } from '../../platform/events/consumer/parked-records.ts';
import { createParkedStore } from '../../platform/events/consumer/parked-store.ts';
import { createPositionStore } from '../../platform/events/consumer/position-store.ts';
import { createConsumerStore } from '../../platform/events/publisher/consumer-store.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import type { LauncherConfig } from './config.ts';
import { Cure } from './cure.ts';
import { databaseUrl } from './databases.ts';
import { descriptorSetFile } from './gateway.ts';
import { pathsIn } from './paths.ts';
import { findPostmaster } from './postmaster.ts';
import { secretsIn } from './secrets.ts';
import { serviceDatabase } from './service-environment.ts';
import { services } from './services.ts';
import { readState } from './state.ts';

type Print = (line: string) => void;

/** As many parked events of a service as are shown. */
const MAX_SHOWN = 50;

/**
 * `make events`: who reads whose events and how far behind they are, and what is parked. EVENT=id shows one parked event
 * whole, REPLAY=id (or `all`) has it tried again, DISCARD=id drops it, FORGET=consumer with SERVICE=publisher lets the
 * log go that the consumer has not read.
 */
export async function events(config: LauncherConfig, print: Print): Promise<number> {
  const { EVENT: event, REPLAY: replay, DISCARD: discard, FORGET: forget } = config.inherited;
  const only = config.service;
  if (forget !== undefined) {
    if (!only) throw new Cure('FORGET needs the publisher: make events FORGET=shipping SERVICE=order');
    await withService(config, only, (sql) => createConsumerStore(sql).remove(forget));
    print(`${only} keeps no events for ${forget} any more.`);
    return 0;
  }
  const wanted = event ?? discard ?? (replay === 'all' ? undefined : replay);
  let found = 0;
  for (const { name } of services) {
    if (only && only !== name) continue;
    await withService(config, name, async (sql) => {
      const records = createParkedRecords(sql, createParkedStore(sql));
      if (wanted !== undefined) {
        const record = await records.get(wanted).catch(() => undefined);
        if (!record) return;
        found++;
        if (event) printEvent(record.event, print);
        if (replay) print(`${await records.replay(wanted)} event is being tried again by ${name}.`);
        if (discard) {
          await records.discard(wanted);
          print(`${name} will not take effect of it.`);
        }
      } else if (replay) {
        print(`${await records.replay()} events are being tried again by ${name}.`);
      } else {
        await printService(name, sql, print);
      }
    });
  }
  if (wanted !== undefined && found === 0)
    throw new Cure(`no event ${wanted} is parked: make events lists those that are`);
  return 0;
}

/** `make rebuild SERVICE=order`: makes what a service keeps of others' data anew. PUBLISHER=user: only of user's. */
export async function rebuild(config: LauncherConfig, print: Print): Promise<number> {
  const { service } = config;
  if (!service) throw new Cure('make rebuild needs SERVICE: make rebuild SERVICE=order');
  await withService(config, service, async (sql) => {
    const rows = await sql<{ publisher: string }[]>`select distinct publisher from event_positions`;
    const known = rows.map(({ publisher }) => publisher).sort();
    const asked = config.inherited.PUBLISHER;
    if (known.length === 0) throw new Cure(`${service} keeps nothing of others' data`);
    if (asked && !known.includes(asked)) throw new Cure(`PUBLISHER is one of ${known.join(', ')}`);
    const publishers = asked ? [asked] : known;
    await createPositionStore(sql).requireRebuildOf(publishers);
    print(
      `${service} makes its copies of the data of ${publishers.join(' and ')} anew. Until it is done the old are in use.`,
    );
  });
  return 0;
}

/** One service's part of `make events`. */
export async function printService(name: string, sql: Sql, print: Print): Promise<void> {
  const consumers = await createConsumerStore(sql).list();
  const parked = await createParkedRecords(sql, createParkedStore(sql)).list(MAX_SHOWN + 1);
  const readers = consumers.map(({ name: consumer, lagEvents, oldestUnreadAt }) => {
    const behind = oldestUnreadAt
      ? `${lagEvents} behind, the oldest for ${((Date.now() - oldestUnreadAt.getTime()) / 1000).toFixed(1)} s`
      : 'has read all';
    return `${consumer} ${behind}`;
  });
  print(`${name.padEnd(9)}is read by ${readers.join('; ') || 'nobody'}`);
  for (const { event, state, attempts, lastError, nextAttemptAt } of parked.slice(0, MAX_SHOWN)) {
    const next = nextAttemptAt
      ? `, next in ${Math.max(0, (nextAttemptAt.getTime() - Date.now()) / 1000).toFixed(1)} s`
      : '';
    print(`  ${state.padEnd(9)}${event.id}  ${event.type} of ${event.subject}`);
    print(`           ${attempts} attempts${next}${lastError === '' ? '' : `: ${lastError}`}`);
  }
  if (parked.length > MAX_SHOWN) print('  and more');
}

/** An event with its data, as JSON. */
function printEvent({ data, time, position, ...event }: Event, print: Print): void {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptorSetFile)));
  const schema = registry.getMessage(event.type);
  const { id, source, type, subject, traceparent } = event;
  const at = time ? new Date(Number(time.seconds) * 1000 + time.nanos / 1e6).toISOString() : '';
  print(
    JSON.stringify(
      { id, source, type, subject, time: at, traceparent, position: String(position) },
      undefined,
      2,
    ),
  );
  print(
    schema
      ? toJsonString(schema, fromBinary(schema, data), { prettySpaces: 2 })
      : `data of an unknown type: ${Buffer.from(data).toString('base64')}`,
  );
}

async function withService(
  { home }: LauncherConfig,
  service: string,
  work: (sql: Sql) => Promise<void>,
): Promise<void> {
  const paths = pathsIn(home);
  const state = readState(paths);
  if (!state || !findPostmaster(paths.postgres)?.ready)
    throw new Cure('the shop doesn\'t run: "make up" first');
  if (!services.some(({ name }) => name === service))
    throw new Cure(`SERVICE is one of ${services.map(({ name }) => name).join(', ')}`);
  const url = databaseUrl(state.postgresPort, serviceDatabase(secretsIn(paths.secrets), service));
  const log = createLogger({ service: 'launcher', instance: 'events', level: 'silent' });
  const database = connect({ DATABASE_URL: url, DATABASE_POOL_SIZE: 1, INSTANCE: 'make events' }, log);
  try {
    await work(database.sql);
  } finally {
    await database.close();
  }
}
