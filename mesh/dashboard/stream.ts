import type { ServerResponse } from 'node:http';
import type { Messages } from './messages.ts';

/** A page that has this much, in bytes, still to read is disconnected; it connects again when it can. */
const mostUnread = 4 * 1024 * 1024;
/** More pages than anybody looks at. */
const mostPages = 32;

/** The open pages. */
export interface Stream {
  readonly pages: number;
  /** Opens one more, or refuses with 503. */
  open(response: ServerResponse): void;
  /** Tells a page, or all. */
  send<Name extends keyof Messages>(name: Name, data: Messages[Name], to?: ServerResponse): void;
  close(): void;
}

/** Server-Sent Events to any number of pages. */
export function createStream(): Stream {
  const open = new Set<ServerResponse>();
  const write = (page: ServerResponse, text: string): void => {
    page.write(text);
    if (page.writableLength > mostUnread) page.destroy();
  };
  return {
    get pages() {
      return open.size;
    },
    open(response) {
      if (open.size >= mostPages) {
        response.writeHead(503).end();
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      write(response, 'retry: 1000\n\n');
      open.add(response);
      response.on('close', () => open.delete(response));
    },
    send(name, data, to) {
      if (open.size === 0) return;
      const text = `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
      for (const page of to ? [to] : open) write(page, text);
    },
    close() {
      for (const page of open) page.destroy();
    },
  };
}
