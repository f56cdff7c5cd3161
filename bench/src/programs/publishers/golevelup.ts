import { AmqpConnection } from '@golevelup/nestjs-rabbitmq';
import { propertiesWith, type OpenPublisher } from './publisher.ts';

export const openPublisher: OpenPublisher = async ({ amqpUrl, exchange, routingKey }) => {
  const connection = new AmqpConnection({ uri: amqpUrl, connectionInitOptions: { wait: true } });
  await connection.init();
  return {
    publish(body, messageId, done) {
      const properties = { ...propertiesWith(messageId), persistent: true, mandatory: true };
      connection.publish(exchange, routingKey, body, properties).then(() => done(), done);
    },
    close: () => connection.close(),
  };
};
