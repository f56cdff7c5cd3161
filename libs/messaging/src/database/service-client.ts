import { Client, Query, type ClientConfig, type Connection, type QueryResult } from 'pg';
import { TransactionRolledBack } from '../errors.ts';
import { ImpatientClient } from './impatient-client.ts';
import { StatementNames } from './statement-names.ts';

type Callback = (error: Error | undefined, result: QueryResult) => void;

/** What `pg` has and its types leave out. */
interface PreparedConnection extends Connection {
  /** The texts of the statements that the server knows, by their names. */
  parsedStatements: Record<string, string>;
}
interface PreparingQuery extends Query {
  readonly name?: string;
  prepare(connection: Connection): void;
  handleError(error: Error, connection: Connection): void;
  handleReadyForQuery(connection: Connection): void;
  handleCommandComplete(message: { text: string }, connection: Connection): void;
}
const PreparingQuery = Query as unknown as new (
  config: { text: string; name: string | undefined },
  values: unknown[],
  callback: Callback,
) => PreparingQuery;

/** A statement that is prepared under a name of its own, and of whose result only the number of rows is of interest. */
export interface NamedStatement {
  name: string;
  text: string;
  values: string[];
}

/** A statement that goes to the server in front of another one, in the same message. */
interface Front extends NamedStatement {
  /** @param command what the server says that it did, for example `INSERT 0 1` */
  done(command: string): void;
  failed(error: Error): void;
}

const BEGIN: Front = {
  name: 'warren-begin',
  text: 'BEGIN',
  values: [],
  done: () => undefined,
  failed: () => undefined, // what comes behind it fails with it
};

/**
 * A statement, and in front of it, on the same way to the server, what comes before it. One that fails ends all.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
class QueryWithFront extends PreparingQuery {
  readonly #front: readonly Front[];
  /** Those of the front that the server is yet to parse. */
  readonly #unparsed: Front[] = [];
  #failed = false;
  /** How many of the front are done. */
  done = 0;
  /** Whether it is being written: what fails meanwhile has not been near the server. */
  preparing = false;

  constructor(
    front: readonly Front[],
    statement: { text: string; name: string | undefined },
    values: unknown[],
    callback: Callback,
  ) {
    super(statement, values, callback);
    this.#front = front;
  }

  override prepare(connection: PreparedConnection): void {
    for (const front of this.#front) {
      const { name, text, values } = front;
      if (connection.parsedStatements[name] === undefined) {
        connection.parse({ name, text, types: [] }, true);
        this.#unparsed.push(front);
      }
      connection.bind({ statement: name, values }, true);
      connection.execute({}, true);
    }
    this.preparing = true;
    super.prepare(connection);
    this.preparing = false;
  }

  /** @returns whether what the server has parsed is of the front, and not the statement itself */
  parsed(connection: PreparedConnection): boolean {
    const front = this.#unparsed.shift();
    if (front) connection.parsedStatements[front.name] = front.text;
    return front !== undefined;
  }

  override handleError(error: Error, connection: Connection): void {
    // A value without a form on the wire: `pg` has the server forget the statement, but does not forget it itself.
    if (this.preparing) this.#failed = true;
    super.handleError(error, connection);
  }

  override handleReadyForQuery(connection: PreparedConnection): void {
    if (this.#failed && this.name !== undefined) delete connection.parsedStatements[this.name];
    super.handleReadyForQuery(connection);
  }

  override handleCommandComplete(message: { text: string }, connection: PreparedConnection): void {
    const front = this.#front[this.done];
    if (!front) {
      super.handleCommandComplete(message, connection);
      return;
    }
    this.done += 1;
    front.done(message.text);
  }
}

/** What `pg` has for its own use. */
interface ParsingClient {
  connection: PreparedConnection;
  _getActiveQuery(): unknown;
}
const { _handleParseComplete: parseComplete } = Client.prototype as unknown as {
  _handleParseComplete(this: object): void;
};

const names = new StatementNames();

/** SQLSTATEs of a prepared statement that the server has forgotten, or whose columns a migration has changed. */
const UNKNOWN_STATEMENT = '26000';
const FEATURE_NOT_SUPPORTED = '0A000';

/** Somebody else has prepared a statement of that name on this connection, or this client has lost count. */
const DUPLICATE_STATEMENT = '42P05';

function isStale({ code, message }: Error & { code?: string }): boolean {
  return (
    code === UNKNOWN_STATEMENT ||
    code === DUPLICATE_STATEMENT ||
    (code === FEATURE_NOT_SUPPORTED && message.includes('cached plan'))
  );
}

/** Waits to go to the server together with what comes after it. */
interface HeldStatement {
  statement: NamedStatement;
  resolve(rows: number): void;
  reject(error: Error): void;
}

/**
 * The client of a service's pool. It sees to it that no transaction ends in silence other than it was asked to, and
 * spares the server and the network in ways that callers do not see:
 *
 * - A transaction begins together with its first statement: one round trip less for each, and none at all for one
 *   without statements.
 * - Whoever knows the first statement of a transaction may have the second go with it, see {@link beginWith}.
 * - Statements with parameters that come again and again are prepared.
 *
 * Named statements need a session of their own; a pooler in between must pool by session, or know of them.
 *
 * Sources, for doing the first as other drivers do: https://www.npgsql.org/doc/performance.html, and for what a commit
 * of a failed transaction does: https://www.postgresql.org/docs/current/sql-commit.html
 */
export class ServiceClient extends ImpatientClient {
  readonly #send: (...args: unknown[]) => unknown;
  #beginsNext = false;
  #first: HeldStatement | undefined;
  #timer: NodeJS.Immediate | undefined;

  constructor(config?: string | ClientConfig) {
    super(config);
    this.#send = this.query.bind(this) as (...args: unknown[]) => unknown;
    this.query = ((...args: unknown[]) => {
      const [text, values] = args;
      if (typeof text !== 'string' || args.length > 2) return this.#sendInOrder(...args);
      if (!Array.isArray(values) || values.length === 0) {
        return this.#control(text) ?? this.#sendInOrder(text);
      }
      return this.#parametrised({ name: names.nameOf(text), text }, values);
    }) as typeof this.query;
  }

  /**
   * The first statement of a transaction that was started. It waits for the second and goes to the server together
   * with that; at the latest when the event loop has done what is at hand. Where it fails, the second does, too.
   *
   * @returns how many rows it touched
   */
  beginWith(statement: NamedStatement): Promise<number> {
    if (!this.#beginsNext) return this.#sendFirst(statement); // a subscriber, for example, was faster
    return new Promise((resolve, reject) => {
      this.#first = { statement, resolve, reject };
      this.#timer = setImmediate(() => this.#flush());
    });
  }

  /** What begins and ends transactions: not sent when there is nothing in between. */
  #control(text: string): Promise<QueryResult> | undefined {
    if (text === 'START TRANSACTION' && !this.#beginsNext) {
      this.#beginsNext = true;
      return Promise.resolve(emptyResult('START'));
    }
    if (text !== 'COMMIT' && text !== 'ROLLBACK') return undefined;
    this.#flush();
    if (this.#beginsNext) {
      this.#beginsNext = false;
      return Promise.resolve(emptyResult(text));
    }
    return text === 'COMMIT' ? this.#commit() : undefined;
  }

  /** Sends what waits, without anything behind it. */
  #flush(): void {
    const first = this.#takeFirst();
    if (first) this.#sendFirst(first.statement).then(first.resolve, first.reject);
  }

  #takeFirst(): HeldStatement | undefined {
    clearImmediate(this.#timer);
    const first = this.#first;
    this.#first = undefined;
    return first;
  }

  async #sendFirst({ name, text, values }: NamedStatement): Promise<number> {
    const { rowCount } = (await this.#parametrised({ name, text }, values)) as QueryResult;
    return rowCount!;
  }

  async #commit(): Promise<QueryResult> {
    return checked((await this.#send('COMMIT')) as QueryResult);
  }

  #parametrised(statement: { name: string | undefined; text: string }, values: unknown[]): unknown {
    if (this.#beginsNext) return this.#begin(statement, values);
    const { name, text } = statement;
    return this.#sendInOrder(name === undefined ? { text, values } : { name, text, values });
  }

  /** Sends a statement, and in front of it the beginning of its transaction and what waits. */
  #begin(statement: { name: string | undefined; text: string }, values: unknown[]): Promise<QueryResult> {
    this.#beginsNext = false;
    const first = this.#takeFirst();
    const front = first ? [BEGIN, frontOf(first)] : [BEGIN];
    return new Promise<QueryResult>((resolve, reject) => {
      const query = new QueryWithFront(front, statement, values, (error, result) => {
        if (!error) {
          resolve(result);
          return;
        }
        // While it is being written, those in front are on their way already, and their answers come.
        if (!query.preparing) for (const { failed } of front.slice(query.done)) failed(error);
        reject(error);
      });
      this.#send(query);
    }).catch((error: Error) => this.fail(error));
  }

  /** `pg` takes whatever was parsed for the statement that it sent. */
  _handleParseComplete(): void {
    const { connection, _getActiveQuery } = this as unknown as ParsingClient;
    const query = _getActiveQuery.call(this);
    if (query instanceof QueryWithFront && query.parsed(connection)) return;
    parseComplete.call(this);
  }

  /** A prepared statement that is stale is prepared anew on another connection; on this one every use would fail. */
  protected override isSpoiltBy(error: Error): boolean {
    return isStale(error) || super.isSpoiltBy(error);
  }

  /** Sends what can't be merged, behind what waits to be sent. */
  #sendInOrder(...args: unknown[]): unknown {
    this.#flush();
    if (this.#beginsNext) {
      this.#beginsNext = false;
      // Where this fails, what comes next must not stand alone.
      (this.#send(BEGIN.text) as Promise<unknown>).catch(() => this.cut());
    }
    return this.#send(...args);
  }
}

function frontOf({ statement, resolve, reject }: HeldStatement): Front {
  return {
    ...statement,
    done: (command) => resolve(Number(/\d+$/.exec(command)?.[0] ?? 0)),
    failed: (error) => reject(error),
  };
}

/** @throws TransactionRolledBack when the server ended with a rollback what it was asked to commit */
function checked(result: QueryResult): QueryResult {
  if (result.command === 'ROLLBACK') throw new TransactionRolledBack();
  return result;
}

function emptyResult(command: string): QueryResult {
  return { command, rowCount: null, oid: 0, fields: [], rows: [] };
}
