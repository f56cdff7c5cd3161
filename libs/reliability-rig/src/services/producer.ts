import { Controller, Module } from '@nestjs/common';
import { defineTopology, HandleMessage, MessageContext } from '@warren/messaging';
import { defineService, integer } from '@warren/service';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { CountItemV1, ItemChangedV1, ItemCountedV1 } from './contracts.ts';
import { Load } from './load.ts';

class ProducerTables1764000000001 implements MigrationInterface {
  readonly name = 'ProducerTables1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE items (id text PRIMARY KEY, version integer NOT NULL, target integer NOT NULL)',
    );
    // What was committed together with an outbox row: the truth that everything is counted against.
    await runner.query(`CREATE TABLE ledger (
      message_id uuid PRIMARY KEY, item text NOT NULL, version integer NOT NULL, kind text NOT NULL,
      behaviour text NOT NULL)`);
    // Without a key: a second effect of the same message must show.
    await runner.query('CREATE TABLE confirmations (message_id uuid NOT NULL, cause uuid NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE items, ledger, confirmations');
  }
}

@Controller()
class ConfirmationsHandler {
  @HandleMessage(ItemCountedV1)
  async counted({ cause }: ItemCountedV1, { tx, envelope }: MessageContext): Promise<void> {
    await tx.query('INSERT INTO confirmations VALUES ($1, $2)', [envelope.id, cause]);
  }
}

@Module({ controllers: [ConfirmationsHandler], providers: [Load] })
class ProducerModule {}

export const environment = {
  RIG_MESSAGES: integer({ min: 1, max: 10_000_000, desc: 'Messages in all' }),
  RIG_ITEMS: integer({ min: 1, max: 100_000, desc: 'Items that they are about' }),
  RIG_RATE: integer({ min: 1, max: 100_000, default: 500, desc: 'Messages appended in a second, at most' }),
  RIG_AHEAD: integer({ min: 1, max: 10_000_000, desc: 'Messages that may wait for their confirmation' }),
  RIG_COMMAND_PERCENT: integer({
    min: 0,
    max: 100,
    default: 20,
    desc: 'How many of 100 messages are commands',
  }),
};

export const producerTopology = defineTopology({
  service: 'rig-producer',
  exchanges: ['items.events'],
  publishes: [ItemChangedV1, CountItemV1],
  consumes: [
    {
      queue: 'confirmations',
      handles: [ItemCountedV1],
      concurrency: 8,
      retryDelays: ['200ms', '500ms'],
    },
  ],
});

/** Appends events and commands about items, and hears what became of them. */
export const producer = defineService({
  name: 'rig-producer',
  description: 'Appends the messages of the reliability rig',
  defaultPort: 0,
  topology: producerTopology,
  entities: [],
  migrations: [ProducerTables1764000000001],
  environment,
  module: () => ProducerModule,
  readiness: 'outbox',
});
