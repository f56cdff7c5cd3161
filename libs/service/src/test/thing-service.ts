import { Body, Controller, Get, HttpCode, Inject, Injectable, Module, Post, Res } from '@nestjs/common';
import { DefineEvent } from '@warren/contracts';
import {
  currentFlow,
  DefineJob,
  defineTopology,
  HandleJob,
  HandleMessage,
  JobContext,
  MessageContext,
  Outbox,
} from '@warren/messaging';
import { IsString } from 'class-validator';
import { str } from 'envalid';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { SERVICE_CONFIG, type ServiceConfig } from '../configuration/config.ts';
import { integer } from '../configuration/variable.ts';
import { defineService } from '../define-service.ts';

@DefineEvent<ThingMadeV1>({
  type: 'thing.made.v1',
  exchange: 'things.events',
  publishedBy: 'thing-service',
  description: 'A thing was made.',
  example: { name: 'kettle' },
})
export class ThingMadeV1 {
  @IsString()
  name!: string;
}

@DefineJob({ name: 'things.polish' })
export class PolishThing {
  @IsString()
  name!: string;
}

class CreateThings1700000000000 implements MigrationInterface {
  readonly name = 'CreateThings1700000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE made (name text NOT NULL)');
    await runner.query('CREATE TABLE heard (name text NOT NULL, correlation_id text NOT NULL)');
    await runner.query('CREATE TABLE polished (name text NOT NULL, lease_seconds float NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE made, heard, polished');
  }
}

export const environment = {
  THING_GREETING: str({ default: 'hello', desc: 'What it says' }),
  THING_LIMIT: integer({ min: 1, max: 10, default: 3, desc: 'Things at most' }),
};

/** Requests that a test holds open. */
@Injectable()
export class Gate {
  entered = 0;
  #open: (() => void) | undefined;
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  pass(): Promise<void> {
    this.entered += 1;
    return this.#opened;
  }

  open(): void {
    this.#open?.();
  }
}

@Controller('things')
class ThingsController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
    private readonly gate: Gate,
    @Inject(SERVICE_CONFIG) private readonly config: ServiceConfig<typeof environment>,
  ) {}

  @Get('greeting')
  greeting() {
    return { greeting: this.config.THING_GREETING, flow: currentFlow() };
  }

  @Post()
  @HttpCode(202)
  async make(@Body() { name }: { name: string }) {
    await this.dataSource.transaction(async (tx) => {
      await tx.query('INSERT INTO made VALUES ($1)', [name]);
      await this.outbox.append(tx, ThingMadeV1, { subject: uuidv7(), sequence: 1, data: { name } });
    });
    return { name, flow: currentFlow() };
  }

  @Get('slow')
  async slow() {
    await this.gate.pass();
    // Shows that the database outlives the requests that need it.
    return (await this.dataSource.query('SELECT 1 AS answered')) as object[];
  }

  @Get('broken')
  broken(): never {
    throw new Error('connect to postgres://user:hunter2@db failed for ann@example.org');
  }

  @Get('crash')
  crash(@Res({ passthrough: true }) _answer: unknown): void {
    setImmediate(() => {
      throw new Error('thrown where nobody catches it');
    });
  }

  @Get('reject')
  reject(): void {
    void Promise.reject(new Error('rejected where nobody handles it'));
  }
}

@Controller()
class ThingsHandler {
  @HandleMessage(ThingMadeV1)
  async heard({ name }: ThingMadeV1, context: MessageContext): Promise<void> {
    await context.tx.query('INSERT INTO heard VALUES ($1, $2)', [name, context.envelope.correlationid]);
  }
}

@Controller()
class ThingsPolisher {
  /** Takes long enough for others to begin meanwhile, and keeps the lease that it has. */
  @HandleJob(PolishThing)
  async polish({ name }: PolishThing, { id, tx }: JobContext): Promise<void> {
    await tx.query('SELECT pg_sleep(0.1)');
    await tx.query(
      'INSERT INTO polished SELECT $1, extract(epoch FROM lease_until - started_at) FROM jobs WHERE id = $2',
      [name, id],
    );
  }
}

@Module({ controllers: [ThingsController, ThingsHandler, ThingsPolisher], providers: [Gate] })
class ThingsModule {}

/** A service with a bit of everything, for the tests of this library. */
export const thingService = defineService({
  name: 'thing-service',
  description: 'Makes things and hears of them',
  defaultPort: 0,
  topology: defineTopology({
    service: 'thing-service',
    exchanges: ['things.events'],
    publishes: [ThingMadeV1],
    consumes: [{ queue: 'things', handles: [ThingMadeV1], retryDelays: ['1s'] }],
  }),
  entities: [],
  migrations: [CreateThings1700000000000],
  environment,
  module: () => ThingsModule,
  readiness: 'consumers',
});

/** The same, as a service that accepts work while the broker is away. */
export const outboxThingService = defineService({ ...thingService, readiness: 'outbox' });
