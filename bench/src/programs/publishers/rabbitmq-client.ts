import { Connection } from 'rabbitmq-client';
import { propertiesWith, type OpenPublisher } from './publisher.ts';

export const openPublisher: OpenPublisher = async ({ amqpUrl, exchange, routingKey }) => {
  const connection = new Connection(amqpUrl);
  await connection.onConnect();
  const publisher = connection.createPublisher({ confirm: true });
  return {
    publish(body, messageId, done) {
      const properties = {
        ...propertiesWith(messageId),
        exchange,
        routingKey,
        durable: true,
        mandatory: true,
      };
      publisher.send(properties, body).then(() => done(), done);
    },
    async close() {
      await publisher.close();
      await connection.close();
    },
  };
};
