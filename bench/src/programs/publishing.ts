import { Logger } from '@nestjs/common';
import { answerCalls } from './answer-calls.ts';
import { envelopeOf } from './contracts.ts';
import type { OpenPublisher, Publisher, PublisherTarget } from './publishers/publisher.ts';

export interface PublishTurn {
  messages: number;
  /** Messages whose confirm has not come yet, at most. */
  window: number;
}

export interface PublishFigures {
  seconds: number;
  cpuSeconds: number;
}

let publisher: Publisher;
Logger.overrideLogger(['warn', 'error']);
/** More than a window, so that no two messages in flight have the same id. */
const envelopes = Array.from({ length: 4_096 }, (_, n) => {
  const { id, body } = envelopeOf(n);
  return { id, body: Buffer.from(body) };
});

function publishAll({ messages, window }: PublishTurn): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let confirmed = 0;
    const fill = () => {
      while (sent < messages && sent - confirmed < window) {
        const { id, body } = envelopes[sent % envelopes.length]!;
        sent += 1;
        publisher.publish(body, id, done);
      }
    };
    const done = (error?: Error | null) => {
      if (error) {
        reject(error);
        return;
      }
      confirmed += 1;
      if (confirmed === messages) resolve();
      else fill();
    };
    fill();
  });
}

const methods = {
  /** @param name of the module below publishers/ */
  async open({ name, target }: { name: string; target: PublisherTarget }): Promise<void> {
    const { openPublisher } = (await import(`./publishers/${name}.js`)) as { openPublisher: OpenPublisher };
    publisher = await openPublisher(target);
  },

  async publish(turn: PublishTurn): Promise<PublishFigures> {
    const cpu = process.cpuUsage();
    const started = performance.now();
    await publishAll(turn);
    const seconds = (performance.now() - started) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    return { seconds, cpuSeconds: (user + system) / 1e6 };
  },
};

export type PublishingMethods = typeof methods;
answerCalls(methods);
