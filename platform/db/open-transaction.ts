import pg from 'pg';

/** A statement as pg takes it: by its text alone, or prepared under a name. */
export interface Sendable {
  readonly text: string;
  readonly name?: string;
  readonly values?: unknown[];
}

/** Sends a statement, and resolves with its answer. */
export type Send = (query: Sendable) => Promise<pg.QueryResult>;

/** A transaction on one connection, which begins with its first statement. */
export interface OpenTransaction {
  /** Refuses statements once its end is on its way: they would run outside of it, and stay. */
  readonly send: Send;
  /** @throws whatever keeps it from being committed, a statement that failed and was forgiven included */
  commit(end: Send): Promise<void>;
  rollback(end: Send): Promise<void>;
}

/** One on `client`, which nobody else uses. `commit` and `rollback` are given what sends their statements. */
export function openTransaction(client: pg.ClientBase): OpenTransaction {
  let first: Promise<pg.QueryResult> | undefined;
  let ended = false;
  const refuseLate = () => {
    if (ended) throw new Error('the transaction has ended');
  };
  return {
    async send(query) {
      refuseLate();
      if (first === undefined) {
        first = sendWithBegin(client, query);
        return first;
      }
      // If it has failed there may be no transaction.
      await first;
      refuseLate();
      return client.query(query as pg.QueryConfig);
    },

    async commit(end) {
      ended = true;
      if (first === undefined) return;
      await first;
      const { command } = await end({ text: 'commit' });
      if (command !== 'COMMIT') throw new Error('a statement has failed: the transaction was rolled back');
    },

    async rollback(end) {
      ended = true;
      // Fails only with the connection, and then the server rolls back by itself.
      if (first !== undefined) await end({ text: 'rollback' }).catch(() => {});
    },
  };
}

/**
 * BEGIN and a statement in one exchange: the server runs both or, where BEGIN fails, neither. BEGIN can fail by itself:
 * a cancellation that was meant for the connection's last statement may come late.
 */
function sendWithBegin(client: pg.ClientBase, query: Sendable): Promise<pg.QueryResult> {
  if (query.name === undefined) return client.query(`begin; ${query.text}`);
  return new Promise((resolve, reject) => {
    client.query(
      new BeginningQuery(query as pg.QueryConfig, undefined, (error, result) =>
        error ? reject(error) : resolve(result),
      ),
    );
  });
}

/** What @types/pg doesn't tell of pg.Query. */
interface PreparedQuery extends pg.Submittable {
  readonly text: string;
  readonly name: string;
  hasBeenParsed(connection: Wire): boolean;
  prepare(connection: Wire): void;
  handleCommandComplete(message: unknown, connection: Wire): void;
}

type Callback = (error: Error | null, result: pg.QueryResult) => void;

/** The messages of PostgreSQL's extended query protocol. */
interface Wire {
  parse(message: { text: string; name?: string }): void;
  bind(message: object): void;
  execute(message: object): void;
  readonly submittedNamedStatements: Record<string, string>;
}

const Query = pg.Query as unknown as new (
  config: pg.QueryConfig,
  values: undefined,
  callback: Callback,
) => PreparedQuery;

class BeginningQuery extends Query {
  #begun = false;

  override prepare(connection: Wire): void {
    // Before BEGIN: the first answer to a Parse is taken for this one's.
    if (!this.hasBeenParsed(connection)) {
      connection.parse({ text: this.text, name: this.name });
      connection.submittedNamedStatements[this.name] = this.text;
    }
    connection.parse({ text: 'begin' });
    connection.bind({});
    connection.execute({});
    // No Sync until here: what follows a failure is skipped.
    super.prepare(connection);
  }

  override handleCommandComplete(message: unknown, connection: Wire): void {
    if (this.#begun) super.handleCommandComplete(message, connection);
    this.#begun = true;
  }
}
