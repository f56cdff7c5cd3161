import { openSync, writeSync } from 'node:fs';
import type { Channel, ConsumeMessage } from 'amqplib';
import { ChannelClass, ConfirmChannelClass } from './client-classes.ts';
import type { SabotageConfig } from './config.ts';
import { dieAt } from './kill-points.ts';

/** Prepares this process to be observed and broken from within. Call it before the service is started. */
export function installSabotage({ deliveryLog, kill }: SabotageConfig): void {
  logDeliveries(deliveryLog);
  breakChannelsOnSignal();
  if (kill) dieAt(kill.point, kill.after);
}

/**
 * Writes a line for each delivery as it comes from the socket: queue, message id, whether the broker says that it
 * delivered it before, and failed attempts. Written at once, so that a line survives its process.
 */
function logDeliveries(file: string): void {
  const log = openSync(file, 'a');
  const { consume } = ChannelClass.prototype;
  ChannelClass.prototype.consume = function (queue, onMessage, options) {
    const logged = (message: ConsumeMessage | null): void => {
      if (message) {
        const { fields, properties } = message;
        const failed: unknown = properties.headers?.['x-warren-failed-attempts'] ?? 0;
        writeSync(log, `${queue}\t${properties.messageId}\t${fields.redelivered}\t${String(failed)}\n`);
      }
      onMessage(message);
    };
    return consume.call(this, queue, logged, options);
  };
}

/** On SIGUSR2 the broker closes every channel of this process with an error. */
function breakChannelsOnSignal(): void {
  const consuming = new Set<Channel>();
  const publishing = new Set<Channel>();
  const remember = (set: Set<Channel>, channel: Channel): void => {
    if (set.has(channel)) return;
    set.add(channel);
    channel.once('close', () => set.delete(channel));
    channel.once('error', () => set.delete(channel));
  };
  const { consume } = ChannelClass.prototype;
  ChannelClass.prototype.consume = function (queue, onMessage, options) {
    remember(consuming, this);
    return consume.call(this, queue, onMessage, options);
  };
  const { publish } = ConfirmChannelClass.prototype;
  ConfirmChannelClass.prototype.publish = function (exchange, routingKey, content, options, confirmed) {
    remember(publishing, this);
    return publish.call(this, exchange, routingKey, content, options, confirmed);
  };
  process.on('SIGUSR2', () => {
    // 406 PRECONDITION_FAILED: a delivery tag that never was.
    for (const channel of consuming) {
      ChannelClass.prototype.ack.call(channel, {
        fields: { deliveryTag: 4_000_000_000 },
        properties: {},
      } as never);
    }
    // 404 NOT_FOUND: an exchange that never was.
    for (const channel of publishing) {
      publish.call(channel, 'rig.no-such-exchange', 'x', Buffer.from(''), {}, () => undefined);
    }
  });
}
