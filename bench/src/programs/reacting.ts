import { Controller } from '@nestjs/common';
import { defineTopology, HandleMessage, MessageContext } from '@warren/messaging';
import { connect } from 'amqplib';
import { answerCalls } from './answer-calls.ts';
import { EXCHANGE, ReadingTakenV1, TYPE } from './contracts.ts';
import { sharedClock } from './pace.ts';
import { createService, type Urls } from './service.ts';

/** When the handler of each event began, by the event's subject. */
const begun = new Map<string, number>();

@Controller()
class Recorder {
  @HandleMessage(ReadingTakenV1)
  async taken({ sensor, value }: ReadingTakenV1, { tx, envelope }: MessageContext): Promise<void> {
    begun.set(envelope.subject, sharedClock());
    await tx.query('INSERT INTO readings (sensor, value) VALUES ($1, $2)', [sensor, value]);
  }
}

async function openWarren(urls: Urls): Promise<void> {
  const topology = defineTopology({
    service: 'bench-recorder',
    exchanges: [EXCHANGE],
    consumes: [{ queue: 'readings', handles: [ReadingTakenV1] }],
  });
  await (await createService(topology, urls, [Recorder])).listen();
}

/** Its handler begins with the decoded message, and does nothing further. */
async function openBare({ amqpUrl }: Urls): Promise<void> {
  const channel = await (await connect(amqpUrl)).createChannel();
  const queue = 'bench-bare.readings';
  await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(queue, EXCHANGE, TYPE);
  await channel.prefetch(32);
  await channel.consume(queue, (message) => {
    if (!message) throw new Error('the broker cancelled the consumer');
    const { subject } = JSON.parse(message.content.toString()) as { subject: string };
    begun.set(subject, sharedClock());
    channel.ack(message);
  });
}

const methods = {
  async open({ contender, ...urls }: Urls & { contender: 'warren' | 'amqplib' }): Promise<void> {
    await (contender === 'warren' ? openWarren(urls) : openBare(urls));
  },

  /** Waits until so many handlers have begun, hands their times over and forgets them. */
  async take({ events }: { events: number }): Promise<Map<string, number>> {
    while (begun.size < events) await new Promise((resolve) => setTimeout(resolve, 50));
    const taken = new Map(begun);
    begun.clear();
    return taken;
  },
};

export type ReactingMethods = typeof methods;
answerCalls(methods);
