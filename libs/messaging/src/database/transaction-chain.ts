import { QueryRunnerAlreadyReleasedError, type DataSource, type EntityManager } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import type { NamedStatement, ServiceClient } from './service-client.ts';

/** What a transaction may be followed by. */
export interface Succession {
  /** Whether another transaction is at hand. */
  more(): boolean;
  /** Has it start: of this one there is only the commit left, and that is under way. */
  goOn(): void;
}

/** The pool of `pg`, as far as it is needed here. */
interface Pool {
  readonly waitingCount: number;
}

class ChainedRunner extends PostgresQueryRunner {
  constructor(driver: PostgresDriver, client: ServiceClient) {
    super(driver, 'master');
    this.databaseConnection = new LentClient(client);
  }
}

/** A client for one transaction: what is sent after its end must not land in the next one. */
class LentClient {
  readonly #client: ServiceClient;
  #over = false;

  constructor(client: ServiceClient) {
    this.#client = client;
  }

  query(...args: unknown[]): unknown {
    if (this.#over) return Promise.reject(new QueryRunnerAlreadyReleasedError());
    this.#over = args[0] === 'COMMIT' || args[0] === 'ROLLBACK';
    return (this.#client.query as (...all: unknown[]) => unknown)(...args);
  }
}

/** A connection of the pool, in the hands of one transaction after the other. */
class ChainedConnection {
  readonly client: ServiceClient;
  readonly #release: (error?: Error) => void;
  readonly #runners = new Set<ChainedRunner>();
  #released = false;

  constructor(client: ServiceClient, release: (error?: Error) => void) {
    this.client = client;
    this.#release = release;
    client.on('error', this.#lost);
  }

  get usable(): boolean {
    return !this.#released;
  }

  lendTo(runner: ChainedRunner): void {
    this.#runners.add(runner);
  }

  async takeBack(runner: ChainedRunner): Promise<void> {
    await runner.release();
    this.#runners.delete(runner);
    if (this.#runners.size === 0) this.#giveBack();
  }

  /** As TypeORM does: whoever still has it hears at the next statement that it is gone. */
  readonly #lost = (error: Error): void => {
    for (const runner of this.#runners) void runner.release();
    this.#giveBack(error);
  };

  #giveBack(error?: Error): void {
    if (this.#released) return;
    this.#released = true;
    this.client.off('error', this.#lost);
    this.#release(error);
  }
}

/**
 * Transactions of which each may begin together with the commit of the one before, on its connection: under load a
 * third of the round trips less. Each has an entity manager of its own, which is of no use any more when it has ended.
 */
export class TransactionChain {
  readonly #dataSource: DataSource;
  readonly #driver: PostgresDriver;
  /** Those whose last transaction has only its commit left. */
  readonly #ending = new Set<ChainedConnection>();

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
    this.#driver = dataSource.driver as PostgresDriver;
  }

  /**
   * As `dataSource.transaction`: commits when `work` resolves; rolls back and rejects with the same when it rejects.
   *
   * @param first begins it. `work` is given the number of rows that it touched, and may send its own first statement
   *   without waiting for that: then both take one way to the server
   * @throws TransactionRolledBack when `work` went on after a statement that had failed
   */
  async run(
    first: NamedStatement,
    work: (tx: EntityManager, rows: Promise<number>) => Promise<void>,
    succession: Succession,
  ): Promise<void> {
    const connection = this.#takeEnding() ?? (await this.#borrow());
    const runner = new ChainedRunner(this.#driver, connection.client);
    connection.lendTo(runner);
    const tx = this.#dataSource.createEntityManager(runner);
    Object.assign(runner, { manager: tx });
    try {
      await runner.startTransaction();
      await work(tx, connection.client.beginWith(first));
      if (this.#mayGoOn(succession)) {
        connection.client.holdNextCommit(() => {
          this.#ending.add(connection);
          succession.goOn();
        });
      }
      await runner.commitTransaction();
    } catch (error) {
      // What can't be rolled back has no connection any more, and is rolled back by the server.
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    } finally {
      this.#ending.delete(connection);
      await connection.takeBack(runner);
    }
  }

  /** Whoever waits for a connection, for a request for example, has it first. */
  #mayGoOn(succession: Succession): boolean {
    return (this.#driver.master as Pool).waitingCount === 0 && succession.more();
  }

  #takeEnding(): ChainedConnection | undefined {
    for (const connection of this.#ending) {
      this.#ending.delete(connection);
      if (connection.usable) return connection;
    }
    return undefined;
  }

  async #borrow(): Promise<ChainedConnection> {
    const [client, release] = (await this.#driver.obtainMasterConnection()) as [
      ServiceClient,
      (error?: Error) => void,
    ];
    return new ChainedConnection(client, release);
  }
}
