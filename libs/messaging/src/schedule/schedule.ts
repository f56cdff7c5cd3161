import type { DataClass } from '@warren/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { validate as isUuid } from 'uuid';
import { AfterCommit, openTransactionOf } from '../database/after-commit.ts';
import { currentTraceHeaders, MessageComposer, type NewMessage } from '../outbox/compose-message.ts';
import type { Topology } from '../topology.ts';
import { checkedKey, checkedWhen, type When } from './due-time.ts';

/** A message that waits for its time. */
export interface ScheduledMessage {
  id: string;
  key: string | null;
  type: string;
  /** `<entity>:<subject>` */
  aggregate: string;
  dueAt: Date;
}

export interface ScheduleStatus {
  /** Messages that wait for their time; counted up to a bound of 1,000,000. */
  waiting: number;
  /** How long the oldest has been due, in seconds; 0 when none is late. */
  overdueSeconds: number;
}

const ROW_COUNT_BOUND = 1_000_000;
const VIEW = `id, key, routing_key AS type, aggregate, due_at AS "dueAt"`;

/**
 * Messages that are published later. Each is a row, written in the caller's transaction; when it is due it is moved
 * to the outbox, once, with the id that it was given at the beginning.
 */
export class Schedule {
  readonly #dataSource: DataSource;
  readonly #composer: MessageComposer;
  readonly #afterCommit: AfterCommit;

  /** @param onCommitted called after the commit of every transaction that scheduled something. */
  constructor(dataSource: DataSource, topology: Topology, schemaBaseUrl: string, onCommitted: () => void) {
    this.#dataSource = dataSource;
    this.#composer = new MessageComposer(topology, schemaBaseUrl);
    this.#afterCommit = new AfterCommit(dataSource, onCommitted);
  }

  /**
   * Publishes a message at a time or after a delay; at once, when that has passed. The message's `time` is when it
   * was due. Its `sequence` is the one that is given here, however far its aggregate has come by then.
   *
   * @param options.key what it can be cancelled by. Of one key at most one message waits: a later one takes the
   *   place of the earlier.
   * @returns the message's id, by which it can be cancelled as well
   * @throws NotInTransaction when `tx` is not an open transaction
   * @throws MiswiredService when the contract is not in `publishes` of the topology
   * @throws InvalidData when `data` is not what the contract allows
   * @throws TypeError when the time or the key is none
   */
  async publishAt<T extends object>(
    tx: EntityManager,
    dataClass: DataClass<T>,
    message: NewMessage<T>,
    when: When,
    options: { key?: string } = {},
  ): Promise<string> {
    const runner = openTransactionOf(tx, 'publishAt');
    const key = checkedKey(options.key);
    const wanted = checkedWhen(when);
    const [row] = (await tx.query(
      `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "nowMs"`,
    )) as { nowMs: number }[];
    const nowMs = Math.floor(row!.nowMs);
    const dueMs = 'atMs' in wanted ? wanted.atMs : nowMs + wanted.afterMs;
    // A message that is late from the beginning is of now, or its id would be older than the inboxes reach.
    const composed = this.#composer.compose(dataClass, message, new Date(Math.max(dueMs, nowMs)));
    await tx.query(
      `INSERT INTO scheduled_messages
         (id, key, due_at, aggregate, exchange, routing_key, must_be_routed, body, headers)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (key) DO UPDATE SET
         id = excluded.id, due_at = excluded.due_at, aggregate = excluded.aggregate, exchange = excluded.exchange,
         routing_key = excluded.routing_key, must_be_routed = excluded.must_be_routed, body = excluded.body,
         headers = excluded.headers, created_at = excluded.created_at`,
      [
        composed.id,
        key,
        new Date(dueMs),
        composed.aggregate,
        composed.contract.exchange,
        composed.contract.type,
        composed.contract.kind === 'command',
        composed.body,
        JSON.stringify(currentTraceHeaders()),
      ],
    );
    this.#afterCommit.mark(runner);
    return composed.id;
  }

  /**
   * Takes a message back. It is gone when `tx` commits.
   *
   * @returns whether it was in time: false when the message is on its way, was cancelled before, or never was
   * @throws NotInTransaction when `tx` is not an open transaction
   */
  async cancel(tx: EntityManager, idOrKey: string): Promise<boolean> {
    openTransactionOf(tx, 'cancel');
    const [condition, parameters] = byIdOrKey(idOrKey);
    const [, cancelled] = (await tx.query(
      `DELETE FROM scheduled_messages WHERE ${condition}`,
      parameters,
    )) as [unknown, number];
    return cancelled > 0;
  }

  /** @returns undefined when no such message waits */
  async find(idOrKey: string): Promise<ScheduledMessage | undefined> {
    const [condition, parameters] = byIdOrKey(idOrKey);
    const [row] = (await this.#dataSource.query(
      `SELECT ${VIEW} FROM scheduled_messages WHERE ${condition}`,
      parameters,
    )) as ScheduledMessage[];
    return row;
  }

  async status(): Promise<ScheduleStatus> {
    const [row] = (await this.#dataSource.query(
      `SELECT (SELECT count(*) FROM (SELECT 1 FROM scheduled_messages LIMIT ${ROW_COUNT_BOUND}) AS bounded)::int
                AS waiting,
              greatest(0, (SELECT extract(epoch FROM now() - due_at) FROM scheduled_messages
                           ORDER BY due_at, seq LIMIT 1))::float8 AS "overdueSeconds"`,
    )) as ScheduleStatus[];
    return row!;
  }
}

/** A condition with its parameters. A key may look like an id. */
export function byIdOrKey(idOrKey: string): [condition: string, parameters: string[]] {
  return isUuid(idOrKey) ? ['(id = $1 OR key = $2)', [idOrKey, idOrKey]] : ['key = $1', [idOrKey]];
}
