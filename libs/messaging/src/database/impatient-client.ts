import type { Socket } from 'node:net';
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
      return result instanceof Promise ? result.catch((error: Error) => this.fail(error)) : result;
    }) as typeof this.query;
  }

  /** Throws what a statement failed with, once a connection is gone that nobody may use any more. */
  protected async fail(error: Error): Promise<never> {
    if (this.isSpoiltBy(error)) await this.cut();
    throw error;
  }

  protected isSpoiltBy({ message }: Error): boolean {
    return message === 'Query read timeout';
  }

  protected async cut(): Promise<void> {
    const { stream } = (this as unknown as { connection: { stream: Socket } }).connection;
    if (stream.closed) return;
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.destroy();
    await closed; // now the pool knows
  }
}
