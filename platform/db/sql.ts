import type { Pool, PoolClient, QueryConfig } from 'pg';
import { asConnectionFailure, isReadOnly, leavesConnection } from './errors.ts';
import { createListen, type Listen } from './listen.ts';
import { openTransaction, type Send, type Sendable } from './open-transaction.ts';
import type { Servers } from './servers.ts';
import { compile, type Summary, summarize } from './statement.ts';
import type { StatementObserver } from './telemetry.ts';

/** Rows, and how many there are or, of a statement that returns none, how many it changed. */
export type Result<Rows> = Rows & { readonly count: number };

/**
 * A statement: run once, when it is awaited; or put as a value into another one's template, where it becomes part of
 * that one's text.
 */
export interface Query<Rows> extends Promise<Result<Rows>> {
  /** Runs it now, for who awaits it later. */
  execute(): Promise<Result<Rows>>;
}

/**
 * The tag of statements. Each value in a template is sent as a parameter, apart from the text: `null` and arrays
 * included, `undefined` refused. A statement is prepared, under a name, when a connection first sees it.
 *
 * @throws pg's DatabaseError with the SQLSTATE as `code`, or a connection failure; errors.ts tells them apart
 */
export interface Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: rows have the shape that their reader names
  <Rows extends readonly object[] = Record<string, any>[]>(
    strings: TemplateStringsArray,
    ...values: readonly unknown[]
  ): Query<Rows>;
  /** Runs text as it is; it may hold several statements. Never put a value into it. */
  unsafe(text: string): Promise<void>;
}

/** A transaction. It refuses statements after its end. */
export type Transaction = Queryable;

/** The pool: each statement on whichever connection is free. */
export interface Sql extends Queryable {
  /** Runs `work` in a transaction, committed when it resolves and rolled back when it rejects. */
  begin<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Runs `work` on a connection that is closed afterwards, and with it its settings and session locks. */
  withConnection<T>(work: (connection: Queryable) => Promise<T>): Promise<T>;
  /** Listens on a channel, see listen.ts. All channels share one connection. */
  readonly listen: Listen;
}

/** Statements over `pool`, which is a pool of connections to `servers`. */
export function createSql(pool: Pool, servers: Servers, observer: StatementObserver): Sql {
  const acquire = () => pool.connect().catch((error) => Promise.reject(asConnectionFailure(error)));
  const over = (send: Send) => queryable(send, servers, observer);
  const sendOn =
    (client: PoolClient): Send =>
    (query) =>
      client.query(query as QueryConfig);
  /** Not the pool's own query(), which closes the connection of each statement that fails. */
  const sendOnAny: Send = async (query) => {
    const client = await acquire();
    let useless = false;
    try {
      return await sendOn(client)(query);
    } catch (error) {
      useless = !leavesConnection(error);
      throw error;
    } finally {
      client.release(useless);
    }
  };
  return Object.assign(over(sendOnAny).tag, {
    listen: createListen(servers),

    begin: <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
      observer.transaction(async () => {
        const client = await acquire();
        const transaction = openTransaction(client);
        const end = over(sendOn(client)).run;
        try {
          const result = await work(over(transaction.send).tag);
          await transaction.commit(end);
          return result;
        } catch (error) {
          await transaction.rollback(end);
          throw error;
        } finally {
          // The pool drops a client whose connection broke.
          client.release();
        }
      }),

    async withConnection<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
      const client = await acquire();
      try {
        return await work(over(sendOn(client)).tag);
      } finally {
        client.release(true);
      }
    },
  });
}

/** What each transaction ends with: a summary takes several regular expressions. */
const ENDS = new Map(['commit', 'rollback'].map((text) => [text, summarize(text)]));

/** The tag over `send`, and what runs a statement that is whole. */
function queryable(send: Send, servers: Servers, observer: StatementObserver): { tag: Queryable; run: Send } {
  const observed = (query: Sendable, summary: Summary) =>
    observer.statement(summary, async () => {
      try {
        return await send(query);
      } catch (error) {
        if (isReadOnly(error)) await servers.cutAll();
        throw asConnectionFailure(error);
      }
    });
  const run: Send = (query) => observed(query, ENDS.get(query.text) ?? summarize(query.text));
  const tag = (strings: TemplateStringsArray, ...values: readonly unknown[]) =>
    new Statement(strings, values, async ({ summary, ...query }) => {
      const { rows, rowCount } = await observed(query, summary);
      // Not enumerable: rows are compared and spread as the array that they are.
      return Object.defineProperty(rows, 'count', { value: rowCount ?? rows.length }) as Result<unknown[]>;
    });
  return {
    tag: Object.assign(tag as unknown as Queryable, {
      unsafe: async (text: string) => {
        await run({ text });
      },
    }),
    run,
  };
}

/** A template that is either run or made part of another. */
export class Statement implements Query<unknown[]> {
  readonly [Symbol.toStringTag] = 'Statement';
  readonly strings: TemplateStringsArray;
  readonly values: readonly unknown[];
  readonly #run: (query: ReturnType<typeof compile>) => Promise<Result<unknown[]>>;
  #result: Promise<Result<unknown[]>> | undefined;

  constructor(
    strings: TemplateStringsArray,
    values: readonly unknown[],
    run: (query: ReturnType<typeof compile>) => Promise<Result<unknown[]>>,
  ) {
    this.strings = strings;
    this.values = values;
    this.#run = run;
  }

  execute(): Promise<Result<unknown[]>> {
    this.#result ??= this.#run(compile(this));
    return this.#result;
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting it is how it is run
  then<A, B>(
    onResult?: ((result: Result<unknown[]>) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.execute().then(onResult, onError) as Promise<A | B>;
  }

  catch<B>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<Result<unknown[]> | B> {
    return this.execute().catch(onError);
  }

  finally(onEnd?: (() => void) | null): Promise<Result<unknown[]>> {
    return this.execute().finally(onEnd);
  }
}
