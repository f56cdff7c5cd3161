import { connect, type ConfirmChannel } from 'amqplib';
import { answerCalls } from './answer-calls.ts';
import { envelopeOf, EXCHANGE, TYPE } from './contracts.ts';

const WINDOW = 2_000;
let channel: ConfirmChannel;

const methods = {
  async open({ amqpUrl }: { amqpUrl: string }): Promise<void> {
    const model = await connect(amqpUrl);
    channel = await model.createConfirmChannel();
  },

  /** Fills queues with messages as the relay would publish them, each with an id of its own. */
  async load({ messages }: { messages: number }): Promise<void> {
    for (let sent = 0; sent < messages; sent += WINDOW) {
      for (let n = sent; n < Math.min(sent + WINDOW, messages); n += 1) {
        const { id, body } = envelopeOf(n);
        channel.publish(EXCHANGE, TYPE, Buffer.from(body), { persistent: true, messageId: id, type: TYPE });
      }
      await channel.waitForConfirms();
    }
  },
};

export type LoadingMethods = typeof methods;
answerCalls(methods);
