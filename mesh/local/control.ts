import { rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { relative } from 'node:path';
import { json } from 'node:stream/consumers';
import { Cure } from './cure.ts';
import type { Paths } from './paths.ts';

/** What a running launcher can be asked to do, by name: `scale` takes `{ service, replicas }`. */
export type Orders = Readonly<Record<string, (what: Readonly<Record<string, string>>) => Promise<string>>>;

/** Whoever may use the home folder gives orders: the socket is within. As a path it must be short: 107 bytes. */
function socketOf(paths: Paths): string {
  const fromHere = relative(process.cwd(), paths.control);
  return fromHere.length < paths.control.length ? fromHere : paths.control;
}

/** Takes orders from commands in other terminals. */
export async function takeOrders(paths: Paths, orders: Orders): Promise<{ close(): void }> {
  const path = socketOf(paths);
  rmSync(path, { force: true });
  const server = createServer((call, answer) => {
    const work = async (): Promise<string> => {
      const order = orders[call.url?.slice(1) ?? ''];
      if (!order) throw new Cure('this launcher is of another version: "make down", then "make up"');
      return order((await json(call)) as Record<string, string>);
    };
    work().then(
      (text) => answer.end(JSON.stringify({ text })),
      (cause: Error) => answer.writeHead(400).end(JSON.stringify({ text: cause.message })),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * Gives the running launcher an order and waits until it is done.
 *
 * @returns what it says
 * @throws Cure with what it says if it can't, and if none runs
 */
export function giveOrder(
  paths: Paths,
  name: string,
  what: Readonly<Record<string, string>>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socketOf(paths), path: `/${name}`, method: 'POST' }, (answer) => {
      json(answer).then((said) => {
        const { text } = said as { text: string };
        if (answer.statusCode === 200) resolve(text);
        else reject(new Cure(text));
      }, reject);
    });
    call.on('error', () => reject(new Cure('the shop doesn\'t run: "make up" first')));
    call.end(JSON.stringify(what));
  });
}
