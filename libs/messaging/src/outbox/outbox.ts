import { context as otelContext, propagation } from '@opentelemetry/api';
import {
  contractOf,
  formatSequence,
  validateData,
  type Contract,
  type DataClass,
  type EventEnvelope,
} from '@warren/contracts';
import type { DataSource, EntityManager, EntitySubscriberInterface, QueryRunner } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { MiswiredService, NotInTransaction } from '../errors.ts';
import { currentFlow } from '../flow.ts';
import type { Topology } from '../topology.ts';

export interface NewMessage<T> {
  /** Id of the aggregate that the message is about. */
  subject: string;
  /** Version of the aggregate after what happened. */
  sequence: number;
  data: T;
  /** Default: that of the current flow, or the message's own id where there is none. */
  correlationId?: string;
}

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
  /** Messages that wait; counted up to a bound of 1,000,000. */
  rows: number;
  /** Age of the oldest in seconds, or null when none waits. */
  oldestAgeSeconds: number | null;
}

const ROW_COUNT_BOUND = 1_000_000;

/** The one door for publishing: a row beside the state that it tells of, in the same transaction. */
export class Outbox {
  readonly #dataSource: DataSource;
  readonly #topology: Topology;
  readonly #schemaBaseUrl: string;
  readonly #publishable: ReadonlySet<Contract>;
  /** Query runners whose open transaction has appended something. */
  readonly #appended = new WeakSet<QueryRunner>();
  readonly #wakeAfterCommit: EntitySubscriberInterface;

  /** @param onCommitted called after the commit of every transaction that appended. */
  constructor(dataSource: DataSource, topology: Topology, schemaBaseUrl: string, onCommitted: () => void) {
    this.#dataSource = dataSource;
    this.#topology = topology;
    this.#schemaBaseUrl = schemaBaseUrl.replace(/\/$/, '');
    this.#publishable = new Set(topology.publishes);
    this.#wakeAfterCommit = {
      afterTransactionCommit: ({ queryRunner }) => {
        if (queryRunner.isTransactionActive) return; // a savepoint was released
        if (this.#appended.delete(queryRunner)) onCommitted();
      },
      afterTransactionRollback: ({ queryRunner }) => {
        if (!queryRunner.isTransactionActive) this.#appended.delete(queryRunner);
      },
    };
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
    const runner = tx?.queryRunner;
    if (!runner?.isTransactionActive) {
      throw new NotInTransaction(
        'append needs the manager of an open transaction: call it inside dataSource.transaction(async (tx) => …) ' +
          'with that tx, or with ctx.tx in a handler',
      );
    }
    if (messages.length === 0) return [];
    const rows = messages.map(({ dataClass, message }) => this.#rowOf(dataClass, message));
    const traceContext: Record<string, string> = {};
    propagation.inject(otelContext.active(), traceContext);
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
        JSON.stringify(traceContext),
      ],
    );
    this.#appended.add(runner);
    // Not in the constructor: the list is made anew when the data source is initialised.
    if (!this.#dataSource.subscribers.includes(this.#wakeAfterCommit)) {
      this.#dataSource.subscribers.push(this.#wakeAfterCommit);
    }
    return rows.map((row) => row.id);
  }

  #rowOf(dataClass: DataClass, message: NewMessage<object>) {
    const contract = contractOf(dataClass);
    if (!this.#publishable.has(contract)) {
      throw new MiswiredService(
        `${this.#topology.service} does not publish ${contract.type}: add ${dataClass.name} to "publishes" in topology.ts`,
      );
    }
    validateData(dataClass, message.data, 'refuse');
    const id = uuidv7();
    const flow = currentFlow();
    const envelope: EventEnvelope = {
      specversion: '1.0',
      id,
      source: `/warren/${this.#topology.service}`,
      type: contract.type,
      subject: message.subject,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      dataschema: `${this.#schemaBaseUrl}/${contract.type}.json`,
      sequence: formatSequence(message.sequence),
      correlationid: message.correlationId ?? flow?.correlationId ?? id,
      ...(flow?.causationId !== undefined && { causationid: flow.causationId }),
      data: message.data,
    };
    const entity = contract.type.slice(0, contract.type.indexOf('.'));
    return { id, contract, aggregate: `${entity}:${message.subject}`, body: JSON.stringify(envelope) };
  }

  /** What waits to be published. Cheap: the count stops at its bound. */
  async status(): Promise<OutboxStatus> {
    const [row] = (await this.#dataSource.query(
      `SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT ${ROW_COUNT_BOUND}) AS bounded)::int AS rows,
              (SELECT extract(epoch FROM now() - created_at) FROM outbox ORDER BY seq LIMIT 1)::float8 AS age`,
    )) as { rows: number; age: number | null }[];
    return { rows: row!.rows, oldestAgeSeconds: row!.age };
  }
}
