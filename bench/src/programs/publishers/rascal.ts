import rascal from 'rascal';
import { propertiesWith, type OpenPublisher } from './publisher.ts';

/** With its default configuration, in which five channels each wait for the confirm of one message. */
export const openPublisher: OpenPublisher = async ({ amqpUrl, exchange, routingKey }) => {
  const vhost = new URL(amqpUrl).pathname.slice(1);
  const broker = await rascal.BrokerAsPromised.create(
    rascal.withDefaultConfig({
      vhosts: {
        [vhost]: {
          connection: { url: amqpUrl },
          exchanges: { [exchange]: { assert: false } },
          publications: { readings: { exchange, routingKey } },
        },
      },
    }),
  );
  broker.on('error', (error: Error) => console.error(error));
  return {
    publish(body, messageId, done) {
      const options = { ...propertiesWith(messageId), persistent: true, mandatory: true };
      broker.publish('readings', body, { options }).then((publication) => {
        publication.once('success', () => done());
        publication.once('error', done);
      }, done);
    },
    close: () => broker.shutdown(),
  };
};
