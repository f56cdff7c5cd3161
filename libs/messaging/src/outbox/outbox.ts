import type { DataClass } from '@warren/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { AfterCommit, openTransactionOf } from '../database/after-commit.ts';
import type { Topology } from '../topology.ts';
import { currentTraceHeaders, MessageComposer, type NewMessage } from './compose-message.ts';

/** A message with the contract that it follows. Made by {@link newMessage}. */
export interface TypedMessage {
  readonly dataClass: DataClass;
  readonly message: NewMessage<object>;
}

/** Puts a message and its contract together, checked by the compiler, for {@link Outbox.appendAll}. */
export function newMessage<T extends object>(dataClass: DataClass<T>, message: NewMessage<T>): TypedMessage {
  return { dataClass, message };
}

export interface OutboxStatus {
  /** Messages that wait; of more than `countUpTo` only that many are counted. */
  rows: number;
  /** Age of the oldest in seconds, or null when none waits. */
  oldestAgeSeconds: number | null;
}

export interface OutboxStatusOptions {
  /** How many messages are counted at most. Default 10,000. */
  countUpTo?: number;
}

/** The one door for publishing: a row beside the state that it tells of, in the same transaction. */
export class Outbox {
  readonly #dataSource: DataSource;
  readonly #composer: MessageComposer;
  readonly #afterCommit: AfterCommit;

  /** @param onCommitted called after the commit of every transaction that appended. */
  constructor(dataSource: DataSource, topology: Topology, schemaBaseUrl: string, onCommitted: () => void) {
    this.#dataSource = dataSource;
    this.#composer = new MessageComposer(topology, schemaBaseUrl);
    this.#afterCommit = new AfterCommit(dataSource, onCommitted);
  }

  /**
   * Appends one message. Call it while the aggregate's row is locked (inserted or updated) by the same
   * transaction: only then is the order of messages the order of the aggregate's versions.
   *
   * @returns the message's id
   * @throws NotInTransaction when `tx` is not an open transaction
   * @throws MiswiredService when the contract is not in `publishes` of the topology
   * @throws InvalidData when `data` is not what the contract allows
   */
  async append<T extends object>(
    tx: EntityManager,
    dataClass: DataClass<T>,
    message: NewMessage<T>,
  ): Promise<string> {
    const [id] = await this.appendAll(tx, [newMessage(dataClass, message)]);
    return id!;
  }

  /**
   * Appends several messages by one statement, in their order; as {@link append} otherwise.
   *
   * @returns the messages' ids
   */
  async appendAll(tx: EntityManager, messages: readonly TypedMessage[]): Promise<string[]> {
    const runner = openTransactionOf(tx, 'append');
    if (messages.length === 0) return [];
    const rows = messages.map(({ dataClass, message }) => this.#composer.compose(dataClass, message));
    await tx.query(
      `INSERT INTO outbox (id, aggregate, exchange, routing_key, must_be_routed, body, headers)
       SELECT id, aggregate, exchange, routing_key, must_be_routed, body, $7::jsonb
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[])
            WITH ORDINALITY AS row (id, aggregate, exchange, routing_key, must_be_routed, body, n)
       ORDER BY n`,
      [
        rows.map((row) => row.id),
        rows.map((row) => row.aggregate),
        rows.map((row) => row.contract.exchange),
        rows.map((row) => row.contract.type),
        rows.map((row) => row.contract.kind === 'command'),
        rows.map((row) => row.body),
        JSON.stringify(currentTraceHeaders()),
      ],
    );
    this.#afterCommit.mark(runner);
    return rows.map((row) => row.id);
  }

  /** What waits to be published. Its price is bounded: no row is read beyond those that are counted. */
  async status({ countUpTo = 10_000 }: OutboxStatusOptions = {}): Promise<OutboxStatus> {
    const [row] = (await this.#dataSource.query(
      `SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT $1) AS bounded)::int AS rows,
              (SELECT extract(epoch FROM now() - created_at) FROM outbox ORDER BY seq LIMIT 1)::float8 AS age`,
      [countUpTo],
    )) as { rows: number; age: number | null }[];
    return { rows: row!.rows, oldestAgeSeconds: row!.age };
  }
}
