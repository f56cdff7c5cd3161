import { connect } from 'amqplib';
import { propertiesWith, type OpenPublisher } from './publisher.ts';

/** Bare: nothing between the caller and the channel. */
export const openPublisher: OpenPublisher = async ({ amqpUrl, exchange, routingKey }) => {
  const model = await connect(amqpUrl);
  const channel = await model.createConfirmChannel();
  return {
    publish(body, messageId, done) {
      const properties = { ...propertiesWith(messageId), persistent: true, mandatory: true };
      channel.publish(exchange, routingKey, body, properties, done);
    },
    close: () => model.close(),
  };
};
