import { connect } from 'amqp-connection-manager';
import { propertiesWith, type OpenPublisher } from './publisher.ts';

export const openPublisher: OpenPublisher = async ({ amqpUrl, exchange, routingKey }) => {
  const connection = connect([amqpUrl]);
  const channel = connection.createChannel();
  await channel.waitForConnect();
  return {
    publish(body, messageId, done) {
      const properties = { ...propertiesWith(messageId), persistent: true, mandatory: true };
      channel.publish(exchange, routingKey, body, properties).then(() => done(), done);
    },
    close: () => connection.close(),
  };
};
