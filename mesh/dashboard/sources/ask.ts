import { Agent, get } from 'node:http';

/** The most of an answer, in bytes. */
const mostBytes = 8 * 1024 * 1024;
const agent = new Agent({ keepAlive: true, maxFreeSockets: 32 });

/** GETs a page of one of the shop's own processes; undefined if it doesn't answer within a second. */
export function ask(port: number, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent, timeout: 1_000 }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > mostBytes) request.destroy();
      });
      response.on('end', () =>
        resolve(response.statusCode === 200 ? Buffer.concat(chunks).toString() : undefined),
      );
      response.on('error', () => resolve(undefined));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
    request.on('close', () => resolve(undefined));
  });
}
