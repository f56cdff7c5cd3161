import { Controller, Injectable } from '@nestjs/common';
import { DefineCommand, DefineEvent } from '@warren/contracts';
import {
  DefineJob,
  defineTopology,
  HandleJob,
  HandleMessage,
  JobContext,
  Jobs,
  MessageContext,
  Outbox,
  PermanentFailure,
} from '@warren/messaging';
import { IsInt, IsString, Min } from 'class-validator';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { ServiceParts } from '../service-under-test.ts';

@DefineCommand<SellTicketV1>({
  type: 'ticket.sell.v1',
  exchange: 'tickets.commands',
  publishedBy: 'box-office',
  description: 'Asks for a ticket.',
  example: { ticketId: 't-1', seats: 2 },
})
export class SellTicketV1 {
  @IsString() ticketId!: string;
  @IsInt() @Min(1) seats!: number;
}

@DefineEvent<TicketSoldV1>({
  type: 'ticket.sold.v1',
  exchange: 'tickets.events',
  publishedBy: 'kiosk-service',
  description: 'A ticket was sold.',
  example: { ticketId: 't-1' },
})
export class TicketSoldV1 {
  @IsString() ticketId!: string;
}

@DefineEvent<TicketRefundedV1>({
  type: 'ticket.refunded.v1',
  exchange: 'tickets.events',
  publishedBy: 'kiosk-service',
  description: 'A ticket was given back.',
  example: { ticketId: 't-1' },
})
export class TicketRefundedV1 {
  @IsString() ticketId!: string;
}

@DefineEvent<DoorOpenedV1>({
  type: 'door.opened.v1',
  exchange: 'doors.events',
  publishedBy: 'door-service',
  description: 'A door was opened. The handler talks to a printer with no transaction open.',
  example: { ticketId: 't-1' },
})
export class DoorOpenedV1 {
  @IsString() ticketId!: string;
}

@DefineJob({ name: 'tickets.print', attempts: 2, retryDelays: ['20ms'] })
export class PrintTicket {
  @IsString() ticketId!: string;
}

class Sales1764000000002 implements MigrationInterface {
  readonly name = 'Sales1764000000002';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE sales (ticket_id text NOT NULL, seats integer NOT NULL)');
    await runner.query('CREATE TABLE prints (ticket_id text NOT NULL)');
    await runner.query('CREATE TABLE doors (ticket_id text NOT NULL)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE sales, prints, doors');
  }
}

/** Counts what no rollback takes back. */
@Injectable()
export class Printer {
  pages = 0;
}

@Controller()
export class Kiosk {
  constructor(
    private readonly outbox: Outbox,
    private readonly jobs: Jobs,
    private readonly printer: Printer,
  ) {}

  @HandleMessage(SellTicketV1)
  async sell({ ticketId, seats }: SellTicketV1, { tx }: MessageContext): Promise<void> {
    if (ticketId === 'forged') throw new PermanentFailure('that is no ticket');
    await tx.query('INSERT INTO sales VALUES ($1, $2)', [ticketId, seats]);
    await this.outbox.append(tx, TicketSoldV1, { subject: ticketId, sequence: 1, data: { ticketId } });
    await this.jobs.enqueue(tx, PrintTicket, { ticketId });
  }

  @HandleMessage(DoorOpenedV1, { transaction: 'deferred' })
  async opened({ ticketId }: DoorOpenedV1, context: MessageContext): Promise<void> {
    this.printer.pages += 1;
    await context.complete((tx) => tx.query('INSERT INTO doors VALUES ($1)', [ticketId]));
  }

  @HandleJob(PrintTicket)
  async print({ ticketId }: PrintTicket, { tx }: JobContext): Promise<void> {
    await tx.query('INSERT INTO prints VALUES ($1)', [ticketId]);
  }
}

/** A service with a bit of everything, for the tests of this library. */
export const kiosk: ServiceParts = {
  topology: defineTopology({
    service: 'kiosk-service',
    exchanges: ['tickets.commands', 'tickets.events'],
    publishes: [TicketSoldV1, TicketRefundedV1],
    consumes: [
      { queue: 'sales', handles: [SellTicketV1], retryDelays: ['30ms'], attempts: 2 },
      { queue: 'doors', handles: [DoorOpenedV1], retryDelays: ['30ms'] },
    ],
  }),
  controllers: [Kiosk],
  providers: [Printer],
  migrations: [Sales1764000000002],
};
