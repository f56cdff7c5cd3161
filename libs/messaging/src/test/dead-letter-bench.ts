import { formatSequence } from '@warren/contracts';
import { createTestBroker, type TestBroker } from '@warren/testing';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { declareOwnTopology } from '../broker/declare-topology.ts';
import { DeadLetters } from '../dead-letters/dead-letters.ts';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1, SendParcelV1, WeighParcelV1 } from './parcel-contracts.ts';

export const trackTopology = defineTopology({
  service: 'track-service',
  exchanges: ['parcels.events', 'parcels.commands'],
  consumes: [
    { queue: 'parcels', handles: [ParcelMovedV1], concurrency: 4, retryDelays: ['3s'] },
    { queue: 'orders', handles: [SendParcelV1], retryDelays: ['3s'] },
  ],
  answers: [{ queue: 'queries', handles: [WeighParcelV1] }],
});

export interface LetterOptions {
  /** Purpose of the queue that it failed in. Default `parcels`. */
  queue?: string;
  reason?: string;
  type?: string;
  /** How long ago it died. */
  ageMs?: number;
  id?: string;
  step?: number;
  behaviour?: string;
  headers?: Record<string, unknown>;
}

/** A broker with the queues of a service, dead letters made to measure, and the library's tools on them. */
export class DeadLetterBench {
  broker!: TestBroker;
  letters!: DeadLetters;
  model!: ChannelModel;
  #channel!: ConfirmChannel;
  #ownsBroker = true;

  /** @param broker default: one of its own, closed with the bench */
  async open(broker?: TestBroker): Promise<void> {
    this.broker = broker ?? (await createTestBroker());
    this.#ownsBroker = !broker;
    this.model = await connect(this.broker.url);
    this.model.on('error', () => undefined); // tests take the broker away
    await declareOwnTopology(this.model, trackTopology);
    this.#channel = await this.model.createConfirmChannel();
    this.letters = await this.openLetters();
  }

  openLetters(url = this.broker.url): Promise<DeadLetters> {
    const { managementUrl } = this.broker;
    return DeadLetters.open({ brokerUrls: [url], managementUrl });
  }

  async close(): Promise<void> {
    await this.letters.close();
    await this.model.close().catch(() => undefined); // a test may have cut it
    if (this.#ownsBroker) await this.broker.close();
  }

  /** Puts dead letters into their queues as a consumer of ours does, and returns their ids. */
  async bury(count: number, options: LetterOptions = {}): Promise<string[]> {
    const ids: string[] = [];
    const { queue = 'parcels', type = 'parcel.moved.v1', ageMs = 60_000 } = options;
    for (let n = 0; n < count; n += 1) {
      const at = new Date(Date.now() - ageMs).toISOString();
      const id = options.id ?? uuidv7({ msecs: Date.now() - ageMs });
      ids.push(id);
      const data = { parcelId: `p-${n}`, step: options.step ?? n, behaviour: options.behaviour };
      const body = { specversion: '1.0', id, source: '/elsewhere', type, subject: 'p-1', time: at, data };
      const envelope = { ...body, sequence: formatSequence(1), correlationid: 'flow-1' };
      this.#channel.publish(
        'track-service.dead-letter',
        `track-service.${queue}`,
        Buffer.from(JSON.stringify(envelope)),
        {
          persistent: true,
          messageId: id,
          type,
          headers: {
            'x-warren-reason': options.reason ?? 'attempts-exhausted',
            'x-warren-queue': `track-service.${queue}`,
            'x-warren-failed-attempts': 2,
            'x-warren-first-failure-at': at,
            'x-warren-last-failure-at': at,
            'x-warren-error-class': 'Error',
            'x-warren-error-message': 'the crane is stuck',
            n,
            ...options.headers,
          },
        },
      );
      if (n % 1_000 === 999) await this.#channel.waitForConfirms();
    }
    await this.#channel.waitForConfirms();
    return ids;
  }

  /** Ids of all messages of a queue, from its head; they stay there. */
  async idsIn(queue: string): Promise<string[]> {
    const connection = await connect(this.broker.url);
    const channel = await connection.createChannel();
    const { messageCount } = await channel.checkQueue(queue);
    const ids: string[] = [];
    await channel.prefetch(65_535);
    await new Promise<void>((resolve, reject) => {
      if (messageCount === 0) return resolve();
      channel
        .consume(queue, (message) => {
          if (message) ids.push(message.properties.messageId as string);
          if (ids.length === messageCount) resolve();
        })
        .catch(reject);
    });
    await connection.close();
    return ids;
  }

  async ready(queue: string): Promise<number> {
    const channel = await this.model.createChannel();
    const { messageCount } = await channel.checkQueue(queue);
    await channel.close();
    return messageCount;
  }
}
