import { ClientProxyFactory, RmqRecordBuilder, Transport } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { propertiesWith, type OpenPublisher } from './publisher.ts';

/** Nest's own transport wraps the data into a JSON object of its own, so its messages weigh a little more. */
export const openPublisher: OpenPublisher = async ({ amqpUrl, routingKey, exchange }) => {
  const client = ClientProxyFactory.create({
    transport: Transport.RMQ,
    options: { urls: [amqpUrl], exchange, exchangeType: 'topic', wildcards: true, persistent: true },
  });
  await client.connect();
  return {
    publish(body, messageId, done) {
      const { headers: _, ...properties } = propertiesWith(messageId);
      const record = new RmqRecordBuilder(body.toString())
        .setOptions({ ...properties, persistent: true, mandatory: true })
        .build();
      lastValueFrom(client.emit(routingKey, record), { defaultValue: undefined }).then(() => done(), done);
    },
    close: async () => {
      await client.close();
    },
  };
};
