import { connect, type ChannelModel, type ConsumeMessage, type MessageProperties } from 'amqplib';
import { eventually } from './eventually.ts';

/** A message as a consumer outside of Warren sees it. */
export interface CapturedMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: MessageProperties;
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
  /** The body read as JSON. Throws when it isn't. */
  json<T = Record<string, unknown>>(): T;
}

export interface CapturedMessages {
  /** Everything received so far, in order of arrival. */
  readonly all: readonly CapturedMessage[];
  /**
   * The first message that `next` has not returned yet (and that fulfils `condition`), waiting for it if need be.
   *
   * @throws Error naming what did arrive when nothing fitting came within `timeoutMs` (default 15,000).
   */
  next(condition?: (message: CapturedMessage) => boolean, timeoutMs?: number): Promise<CapturedMessage>;
  close(): Promise<void>;
}

function captured(message: ConsumeMessage): CapturedMessage {
  return {
    exchange: message.fields.exchange,
    routingKey: message.fields.routingKey,
    properties: message.properties,
    headers: message.properties.headers ?? {},
    body: message.content,
    json: <T>() => JSON.parse(message.content.toString('utf8')) as T,
  };
}

/** A failed declaration closes its channel, so each look takes a channel of its own. */
async function exchangeExists(connection: ChannelModel, exchange: string): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  await channel.checkExchange(exchange);
  await channel.close();
}

/**
 * Binds an exclusive queue to `exchange` and collects what arrives. Waits up to 15 seconds for the exchange to exist.
 *
 * @param pattern binding key; `#` stands for everything.
 */
export async function captureMessages(
  url: string,
  exchange: string,
  pattern: string,
): Promise<CapturedMessages> {
  const connection = await connect(url);
  // A test may take the broker away; what it captured before stays readable.
  connection.on('error', () => undefined);
  const all: CapturedMessage[] = [];
  const taken = new Set<CapturedMessage>();
  let open = true;
  connection.once('close', () => (open = false));
  try {
    await eventually(() => exchangeExists(connection, exchange));
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, exchange, pattern);
    await channel.consume(queue, (message) => message && all.push(captured(message)), { noAck: true });
  } catch (error) {
    if (open) await connection.close();
    throw error;
  }

  return {
    all,
    async next(condition = () => true, timeoutMs = 15_000) {
      return eventually(
        () => {
          const message = all.find((candidate) => !taken.has(candidate) && condition(candidate));
          if (!message) {
            const seen = all.map(({ routingKey }) => routingKey).join(', ') || 'nothing';
            throw new Error(`no such message from ${exchange} with ${pattern}; arrived so far: ${seen}`);
          }
          taken.add(message);
          return message;
        },
        { timeoutMs },
      );
    },
    async close() {
      if (open) await connection.close();
    },
  };
}
