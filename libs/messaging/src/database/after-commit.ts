import type { DataSource, EntityManager, EntitySubscriberInterface, QueryRunner } from 'typeorm';
import { NotInTransaction } from '../errors.ts';

/**
 * @param what the method that needs the transaction, for the error
 * @returns the query runner of the open transaction
 * @throws NotInTransaction when `tx` is not the manager of an open transaction
 */
export function openTransactionOf(tx: EntityManager, what: string): QueryRunner {
  const runner = tx?.queryRunner;
  if (runner?.isTransactionActive) return runner;
  throw new NotInTransaction(
    `${what} needs the manager of an open transaction: call it inside dataSource.transaction(async (tx) => …) ` +
      'with that tx, or with ctx.tx in a handler',
  );
}

/** Tells of the commit of transactions that were marked. */
export class AfterCommit {
  readonly #dataSource: DataSource;
  /** Query runners whose open transaction is marked. */
  readonly #marked = new WeakSet<QueryRunner>();
  readonly #subscriber: EntitySubscriberInterface;

  /** @param onCommitted called after the commit of every transaction that was marked */
  constructor(dataSource: DataSource, onCommitted: () => void) {
    this.#dataSource = dataSource;
    this.#subscriber = {
      afterTransactionCommit: ({ queryRunner }) => {
        if (queryRunner.isTransactionActive) return; // a savepoint was released
        if (this.#marked.delete(queryRunner)) onCommitted();
      },
      afterTransactionRollback: ({ queryRunner }) => {
        if (!queryRunner.isTransactionActive) this.#marked.delete(queryRunner);
      },
    };
  }

  mark(runner: QueryRunner): void {
    this.#marked.add(runner);
    // Not in the constructor: the list is made anew when the data source is initialised.
    if (!this.#dataSource.subscribers.includes(this.#subscriber)) {
      this.#dataSource.subscribers.push(this.#subscriber);
    }
  }
}
