import type { ChannelModel } from 'amqplib';
import { DependencyUnavailable } from '../errors.ts';

/** The channel went away while a queue was read; what was in hand is back in the queue. */
export class ReadingInterrupted extends DependencyUnavailable {
  override readonly name = 'ReadingInterrupted';
}

/**
 * Messages of a queue that nobody has in hand, and consumers, as they are now; the management API is seconds behind.
 * A quorum queue that doesn't answer within 250 ms has none of either, says the broker: so 0 may mean that it is busy.
 *
 * @throws ReadingInterrupted when the queue is not there, or can't be asked now
 */
export async function countsOf(
  model: ChannelModel,
  queue: string,
): Promise<{ ready: number; consumers: number }> {
  try {
    const channel = await model.createChannel();
    channel.on('error', () => undefined); // told by the call
    const { messageCount, consumerCount } = await channel.checkQueue(queue);
    await channel.close();
    return { ready: messageCount, consumers: consumerCount };
  } catch (error) {
    throw new ReadingInterrupted(queue, { cause: error });
  }
}
