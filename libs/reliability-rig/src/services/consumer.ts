import { Controller, Module } from '@nestjs/common';
import { defineTopology, HandleMessage, MessageContext, Outbox, PermanentFailure } from '@warren/messaging';
import { defineService } from '@warren/service';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { CountItemV1, ItemChangedV1, ItemCountedV1, type Behaviour } from './contracts.ts';

/** Messages that a consumer process may hold unacknowledged. */
export const PREFETCH = 64;

class ConsumerTables1764000000001 implements MigrationInterface {
  readonly name = 'ConsumerTables1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    // Without a key: a second effect of the same message must show.
    await runner.query(`CREATE TABLE effects (
      message_id uuid NOT NULL, item text NOT NULL, version integer NOT NULL, attempt integer NOT NULL,
      at timestamptz NOT NULL)`);
    await runner.query('CREATE TABLE counts (item text PRIMARY KEY, version integer NOT NULL)');
    await runner.query(`CREATE TABLE follow_ups (
      message_id uuid PRIMARY KEY, item text NOT NULL, version integer NOT NULL, cause uuid NOT NULL)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE effects, counts, follow_ups');
  }
}

@Controller()
class ItemsHandler {
  constructor(private readonly outbox: Outbox) {}

  @HandleMessage(ItemChangedV1)
  async changed({ behaviour }: ItemChangedV1, context: MessageContext): Promise<void> {
    await this.#count(behaviour, context);
  }

  @HandleMessage(CountItemV1)
  async count({ behaviour }: CountItemV1, context: MessageContext): Promise<void> {
    await this.#count(behaviour, context);
  }

  async #count(behaviour: Behaviour, { tx, envelope, attempt }: MessageContext): Promise<void> {
    const { id: cause, subject: item, sequence } = envelope;
    const [count] = (await tx.query(
      `INSERT INTO counts VALUES ($1, 1) ON CONFLICT (item) DO UPDATE SET version = counts.version + 1
       RETURNING version`,
      [item],
    )) as { version: number }[];
    const { version } = count!;
    const id = await this.outbox.append(tx, ItemCountedV1, {
      subject: item!,
      sequence: version,
      data: { cause },
    });
    await tx.query(
      `WITH effect AS (INSERT INTO effects VALUES ($1, $2, $3, $4, clock_timestamp()))
       INSERT INTO follow_ups VALUES ($5, $2, $6, $1)`,
      [cause, item, Number(sequence), attempt, id, version],
    );
    failAs(behaviour, attempt);
  }
}

function failAs(behaviour: Behaviour, attempt: number): void {
  if (behaviour === 'gives-up') throw new PermanentFailure('the message asks for it');
  const failures = { plain: 0, 'fails-once': 1, 'fails-twice': 2, exhausts: Infinity }[behaviour];
  if (attempt <= failures) throw new Error(`the message asks for it at attempt ${attempt}`);
}

@Module({ controllers: [ItemsHandler] })
class ConsumerModule {}

export const consumerTopology = defineTopology({
  service: 'rig-consumer',
  exchanges: ['items.commands', 'counts.events'],
  publishes: [ItemCountedV1],
  consumes: [
    {
      queue: 'items',
      handles: [ItemChangedV1, CountItemV1],
      concurrency: PREFETCH / 2,
      prefetch: PREFETCH,
      retryDelays: ['200ms', '500ms'],
    },
  ],
});

/** Has an effect for each message, and tells of it, in one transaction. */
export const consumer = defineService({
  name: 'rig-consumer',
  description: 'Has the effects of the reliability rig',
  defaultPort: 0,
  topology: consumerTopology,
  entities: [],
  migrations: [ConsumerTables1764000000001],
  environment: {},
  module: () => ConsumerModule,
  readiness: 'consumers',
});
