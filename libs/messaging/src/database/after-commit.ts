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

/** Tells of the commit of transactions that were marked, with their marks. */
export class AfterCommit<Mark = void> {
  readonly #dataSource: DataSource;
  /** By the query runner of their transaction, which is still open. */
  readonly #marks = new WeakMap<QueryRunner, Mark[]>();
  readonly #subscriber: EntitySubscriberInterface;

  /** @param onCommitted called after the commit of every transaction that was marked */
  constructor(dataSource: DataSource, onCommitted: (marks: Mark[]) => void) {
    this.#dataSource = dataSource;
    this.#subscriber = {
      afterTransactionCommit: ({ queryRunner }) => {
        if (queryRunner.isTransactionActive) return; // a savepoint was released
        const marks = this.#marks.get(queryRunner);
        if (this.#marks.delete(queryRunner)) onCommitted(marks!);
      },
      afterTransactionRollback: ({ queryRunner }) => {
        if (!queryRunner.isTransactionActive) this.#marks.delete(queryRunner);
      },
    };
  }

  mark(runner: QueryRunner, mark: Mark): void {
    const marks = this.#marks.get(runner);
    if (marks) marks.push(mark);
    else this.#marks.set(runner, [mark]);
    // Not in the constructor: the list is made anew when the data source is initialised.
    if (!this.#dataSource.subscribers.includes(this.#subscriber)) {
      this.#dataSource.subscribers.push(this.#subscriber);
    }
  }
}
