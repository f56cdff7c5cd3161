import { BrokerConnection } from '../../../../libs/messaging/dist/broker/broker-connection.js';
import { ConfirmPublisher } from '../../../../libs/messaging/dist/broker/confirm-publisher.js';
import { propertiesWith, type OpenPublisher } from './publisher.ts';

const quiet = { log: () => undefined, warn: console.warn, error: console.error };

/** The publisher that relay, retries and dead letters go through. It is private to the library, hence the path. */
export const openPublisher: OpenPublisher = async ({ amqpUrl, exchange, routingKey }) => {
  const connection = new BrokerConnection([amqpUrl], 'bench', quiet);
  const publisher = new ConfirmPublisher(connection, quiet);
  await publisher.waitUntilReady(10_000);
  return {
    publish(body, messageId, done) {
      publisher
        .publish({ exchange, routingKey, body, properties: propertiesWith(messageId), mandatory: true })
        .then(() => done(), done);
    },
    async close() {
      await publisher.close(2_000);
      await connection.close();
    },
  };
};
