import type { DataSource } from 'typeorm';
import type { MessagingLogger } from '../logger.ts';
import { DueLoop } from './due-loop.ts';

/** Messages moved by one statement. */
const BATCH_SIZE = 500;
/** How long what is due is left alone that could not be taken: somebody cancels it, or another replica is at it. */
const TAKEN_ELSEWHERE_MS = 100;

/**
 * One statement, so that nothing stays locked when the process dies or freezes. Of several replicas one moves at a
 * time, so that what is due for one aggregate keeps its order; a row that is being cancelled holds up nobody.
 */
const MOVE = `
  WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('warren.schedule'), hashtext(current_schema())) AS ours
  ), due AS MATERIALIZED (
    SELECT id FROM scheduled_messages
    WHERE due_at <= now() AND (SELECT ours FROM turn)
    ORDER BY due_at, seq LIMIT $1 FOR UPDATE SKIP LOCKED
  ), moved AS (
    DELETE FROM scheduled_messages WHERE id = ANY (ARRAY (SELECT id FROM due)) RETURNING *
  ), appended AS (
    INSERT INTO outbox (id, aggregate, exchange, routing_key, must_be_routed, body, headers)
    SELECT id, aggregate, exchange, routing_key, must_be_routed, body, headers FROM moved ORDER BY due_at, seq
    RETURNING 1
  )
  SELECT count(*)::int AS moved FROM appended`;

const NEXT = `
  SELECT (extract(epoch FROM due_at - clock_timestamp()) * 1000)::float8 AS "inMs"
  FROM scheduled_messages ORDER BY due_at, seq LIMIT 1`;

/** Moves scheduled messages to the outbox when they are due. */
export class DueMessages {
  readonly #dataSource: DataSource;
  readonly #loop: DueLoop;
  readonly #onMoved: () => void;

  /** @param onMoved called when something new stands in the outbox */
  constructor(dataSource: DataSource, logger: MessagingLogger, pollIntervalMs: number, onMoved: () => void) {
    this.#dataSource = dataSource;
    this.#onMoved = onMoved;
    this.#loop = new DueLoop({
      what: 'scheduled messages',
      pollIntervalMs,
      logger,
      work: () => this.#moveDue(),
    });
  }

  get problem(): string | undefined {
    return this.#loop.problem;
  }

  start(): void {
    this.#loop.start();
  }

  wake(): void {
    this.#loop.wake();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #moveDue(): Promise<number> {
    const [next] = (await this.#dataSource.query(NEXT)) as { inMs: number }[];
    if (!next) return Number.POSITIVE_INFINITY;
    if (next.inMs > 0) return next.inMs;
    const [row] = (await this.#dataSource.query(MOVE, [BATCH_SIZE])) as { moved: number }[];
    if (row!.moved === 0) return TAKEN_ELSEWHERE_MS;
    this.#onMoved();
    return 0;
  }
}
