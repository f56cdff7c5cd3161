import { connect, type Options } from 'amqplib';

/**
 * Publishes exactly these bytes, on a connection of its own, and returns when the broker has confirmed them.
 * Meant for bodies that no publisher of ours would send.
 *
 * @param body sent as it is when a Buffer or a string, else as JSON.
 * @throws Error when no queue receives the message, unless `properties.mandatory` is false, or when the broker refuses it.
 */
export async function publishRaw(
  url: string,
  exchange: string,
  routingKey: string,
  body: Buffer | string | object,
  properties: Options.Publish = {},
): Promise<void> {
  const connection = await connect(url);
  try {
    const channel = await connection.createConfirmChannel();
    const failure = new Promise<never>((_, reject) => {
      channel.once('error', reject);
      channel.once('return', (message) =>
        reject(
          new Error(
            `no queue receives ${message.fields.routingKey} from ${message.fields.exchange || 'the default exchange'}`,
          ),
        ),
      );
    });
    const content = Buffer.isBuffer(body)
      ? body
      : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const confirmed = new Promise<void>((resolve, reject) => {
      channel.publish(
        exchange,
        routingKey,
        content,
        { persistent: true, mandatory: true, ...properties },
        (error: unknown) => (error ? reject(error as Error) : resolve()),
      );
    });
    // The broker sends a return before the confirm of the same message.
    await Promise.race([failure, confirmed]);
  } finally {
    await connection.close();
  }
}
