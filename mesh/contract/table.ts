import { type Method, servicesOf } from './method.ts';

const head = `# The contract's methods

Made from \`proto/\` by \`make gen\`. What each method does, its messages and its errors are told there.

- **Access**: whom the service lets in: *public* is anybody, *user* whoever is signed in, *admin* whoever is signed in as one, *service* none but the callers.
- **Callers**: the services that may call as themselves. Public methods are open to all of them.
- **Idempotency**: what the method promises of a second call; *–* is nothing.
- **Timeout**: the longest that a call may take; *–* is no bound.
- **Retried**: whether the mesh may send a call again by itself.
`;

const columns = ['Method', 'Access', 'Callers', 'Idempotency', 'Timeout', 'Retried', 'Stream'];

/** The page in docs/ that lists all methods. */
export function methodTable(methods: readonly Method[]): string {
  const parts = servicesOf(methods).map((service) => {
    const own = methods.filter((method) => method.service === service);
    const tables = [...Map.groupBy(own, ({ grpcService }) => grpcService)].map(
      ([grpcService, members]) => `### ${grpcService}\n\n${table(members)}\n`,
    );
    return `## ${service}\n\n${tables.join('\n')}`;
  });
  return [head, ...parts].join('\n');
}

function table(methods: readonly Method[]): string {
  const rows = methods.map((method) => [
    method.name,
    method.access,
    method.callers.join(', '),
    method.idempotency === 'not stated' ? '–' : method.idempotency,
    method.timeoutMs === 0 ? '–' : `${method.timeoutMs / 1000} s`,
    method.retryable ? 'yes' : 'no',
    method.streaming ? 'yes' : '',
  ]);
  return [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
