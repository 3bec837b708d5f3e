import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Client, credentials } from '@grpc/grpc-js';
import { UserEventService } from '@souk/contracts/shop/user/v1/user_event_service_pb.js';
import { describe, expect, it } from 'vitest';
import { testDatabase } from '../../platform/testing/database.ts';
import { verifyPassword } from './password.ts';

const { url, sql } = await testDatabase('user');

function start(program: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(program, import.meta.url))], { env });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const exit = once(child, 'exit').then(([code]) => ({ code, ...output }));
  return { child, exit, output };
}

describe('seed', () => {
  it('makes the first admin and shows the password once; the second time there is one', async () => {
    const env = { DATABASE_URL: url, ADMIN_EMAIL: 'Root@Souk.Example' };
    const first = await start('./seed.ts', env).exit;
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const password = /root@souk\.example, password (\S+)/.exec(first.stdout)?.[1] ?? '';
    expect(password).toHaveLength(24);
    const admins = await sql<
      { email: string; password_hash: string }[]
    >`SELECT email, password_hash FROM users WHERE role = 'admin'`;
    expect([...admins]).toMatchObject([{ email: 'root@souk.example' }]);
    expect(await verifyPassword(password, admins[0]?.password_hash ?? '')).toBe(true);

    const second = await start('./seed.ts', env).exit;
    expect(second).toMatchObject({ code: 0, stdout: 'There is an admin already: nothing to do.\n' });
    expect(await sql`SELECT FROM users WHERE role = 'admin'`).toHaveLength(1);
  });

  it('does not take over an account', async () => {
    await sql`UPDATE users SET role = 'customer'`;
    const result = await start('./seed.ts', { DATABASE_URL: url, ADMIN_EMAIL: 'root@souk.example' }).exit;
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/ADMIN_EMAIL belongs to an account/);
  });
});

describe('the service', () => {
  it('tells all faults of its configuration together', async () => {
    const { code, stderr } = await start('./main.ts', { PORT: 'x', SERVICE_TOKENS: 'order=short' }).exit;
    expect(code).toBe(1);
    for (const name of ['PORT', 'SERVICE_TOKENS', 'DATABASE_URL']) expect(stderr).toContain(name);
  });

  it('serves, warns of clear keys, and stops within its bound', async () => {
    const { child, exit, output } = start('./main.ts', {
      DATABASE_URL: url,
      PORT: '0',
      // Nobody listens there.
      ORDER_ADDRESS: '127.0.0.1:9',
      SERVICE_TOKEN: 'a-secret-of-the-user-service',
      SERVICE_TOKENS: 'order=a-secret-of-the-order-service',
    });
    await expect.poll(() => output.stdout, { timeout: 15_000 }).toMatch(/"health changed"|"serving":true/);
    const port = /"port":(\d+)/.exec(output.stdout)?.[1];
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const bytes = (value: Buffer) => value;
      client.makeUnaryRequest(
        '/shop.user.v1.UserService/ListSigningKeys',
        bytes,
        bytes,
        Buffer.alloc(0),
        (error, value) => (error ? reject(error) : resolve(value as Buffer)),
      );
    });
    client.close();
    expect(answer.toString('latin1')).toContain('P-256');
    expect(output.stdout).toMatch(/"level":"warn".*SIGNING_KEY_SECRET is not set/);

    const asOrder = {
      'x-souk-service': 'order',
      'x-souk-service-token': 'a-secret-of-the-order-service',
    };
    const events = createClient(
      UserEventService,
      createGrpcTransport({
        baseUrl: `http://127.0.0.1:${port}`,
        interceptors: [
          (next) => (request) => {
            for (const [name, value] of Object.entries(asOrder)) request.header.set(name, value);
            return next(request);
          },
        ],
      }),
    );
    // The admin whom the seed made, in another process.
    const partitions = Array.from({ length: 8 }, (_, partition) => ({ partition, position: 0n }));
    for await (const { events: batch } of events.followEvents({ partitions })) {
      if (batch.length === 0) continue;
      expect(batch).toMatchObject([{ source: 'user', type: 'shop.user.v1.UserRegistered' }]);
      break;
    }
    child.kill('SIGTERM');
    expect(await exit).toMatchObject({ code: 0, stderr: '' });
  });
});
