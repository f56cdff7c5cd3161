import { Client, type ClientConfig } from 'pg';

/**
 * A client of which nothing is left after a query timeout. `pg` gives up waiting and keeps the connection, with the
 * statement still running and its transaction still open; back in the pool, the next transaction on it would commit
 * both. Without the connection the server rolls back.
 */
export class ImpatientClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    const query = this.query.bind(this) as (...args: unknown[]) => unknown;
    this.query = ((...args: unknown[]) => {
      const result = query(...args);
      if (result instanceof Promise) {
        result.catch((error: Error) => {
          if (error.message === 'Query read timeout') this.#cut();
        });
      }
      return result;
    }) as typeof this.query;
  }

  #cut(): void {
    (this as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }
}
