import { Query, type ClientConfig, type Connection, type QueryResult } from 'pg';
import { ImpatientClient } from './impatient-client.ts';
import { StatementNames } from './statement-names.ts';

type Callback = (error: Error | undefined, result: QueryResult) => void;

/** What `pg` has and its types leave out. */
interface PreparingQuery extends Query {
  prepare(connection: Connection): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
}
const PreparingQuery = Query as unknown as new (
  config: { text: string; name: string | undefined },
  values: unknown[],
  callback: Callback,
) => PreparingQuery;

const BEGIN = { name: 'warren-begin', text: 'BEGIN' } as const;

/** A statement, and in front of it, on the same way to the server, the beginning of its transaction. */
class FirstOfTransaction extends PreparingQuery {
  #begun = false;

  override prepare(connection: Connection): void {
    connection.bind({ statement: BEGIN.name }, true);
    connection.execute({}, true);
    super.prepare(connection);
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.#begun) super.handleCommandComplete(message, connection);
    this.#begun = true;
  }
}

const names = new StatementNames();

/** SQLSTATEs of a prepared statement that the server has forgotten, or whose columns a migration has changed. */
const UNKNOWN_STATEMENT = '26000';
const FEATURE_NOT_SUPPORTED = '0A000';

function isStale({ code, message }: Error & { code?: string }): boolean {
  return code === UNKNOWN_STATEMENT || (code === FEATURE_NOT_SUPPORTED && message.includes('cached plan'));
}

/**
 * The client of a service's pool, sparing the server and the network in two ways that callers do not see:
 *
 * - A transaction begins together with its first statement: one round trip less for each, and none at all for one
 *   without statements.
 * - Statements with parameters that come again and again are prepared.
 *
 * Named statements need a session of their own; a pooler in between must pool by session, or know of them.
 *
 * Source, for doing the first as other drivers do: https://www.npgsql.org/doc/performance.html
 */
export class ServiceClient extends ImpatientClient {
  #beginsNext = false;
  /** Whether the server knows {@link BEGIN}. */
  #canMerge = false;

  constructor(config?: string | ClientConfig) {
    super(config);
    const query = this.query.bind(this) as (...args: unknown[]) => unknown;
    const send = (...args: unknown[]): unknown => {
      this.#beginNow(query);
      return query(...args);
    };
    this.query = ((...args: unknown[]) => {
      const [text, values] = args;
      if (typeof text !== 'string' || args.length > 2) return send(...args);
      if (!Array.isArray(values) || values.length === 0) {
        return this.#control(text) ?? send(text);
      }
      return this.#parametrised(query, text, values);
    }) as typeof this.query;
  }

  /** What begins and ends transactions: not sent when there is nothing in between. */
  #control(text: string): Promise<QueryResult> | undefined {
    if (text === 'START TRANSACTION' && !this.#beginsNext) {
      this.#beginsNext = true;
      return Promise.resolve(emptyResult('START'));
    }
    if (this.#beginsNext && (text === 'COMMIT' || text === 'ROLLBACK')) {
      this.#beginsNext = false;
      return Promise.resolve(emptyResult(text));
    }
    return undefined;
  }

  #parametrised(query: (...args: unknown[]) => unknown, text: string, values: unknown[]): Promise<unknown> {
    const name = names.nameOf(text);
    const isFirst = this.#beginsNext && this.#canMerge;
    if (isFirst) this.#beginsNext = false;
    else this.#beginNow(query);
    if (!isFirst)
      return query(name === undefined ? { text, values } : { name, text, values }) as Promise<unknown>;
    return new Promise((resolve, reject) => {
      const settle: Callback = (error, result) => (error ? reject(error) : resolve(result));
      query(new FirstOfTransaction({ name, text }, values, settle));
    }).catch((error: Error) => this.fail(error));
  }

  /** A prepared statement that is stale is prepared anew on another connection; on this one every use would fail. */
  protected override isSpoiltBy(error: Error): boolean {
    return isStale(error) || super.isSpoiltBy(error);
  }

  /** Sent in front of what comes next. Where it fails, what comes next must not stand alone. */
  #beginNow(query: (...args: unknown[]) => unknown): void {
    if (!this.#beginsNext) return;
    this.#beginsNext = false;
    (query(BEGIN) as Promise<unknown>).then(
      () => {
        this.#canMerge = true;
      },
      () => this.cut(),
    );
  }
}

function emptyResult(command: string): QueryResult {
  return { command, rowCount: null, oid: 0, fields: [], rows: [] };
}
