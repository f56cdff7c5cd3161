import type { Channel, ChannelModel, Options } from 'amqplib';
import { MiswiredService } from '../errors.ts';
import type { ConsumerTopology, Topology } from '../topology.ts';

/** The broker's own delivery limit is only the last net: clean closes during deployments count too. */
const LAST_NET_DELIVERY_LIMIT = 50;
/** Queues that are only looked at and moved: taking a message in hand and giving it back must never drop it. */
const NO_DELIVERY_LIMIT = 1_000_000;

/** A binding to an exchange that another service owns. */
export interface ForeignBinding {
  queue: string;
  exchange: string;
  routingKey: string;
}

type AmqpError = Error & { code?: number };

/** A quorum queue that loses nothing on dead-lettering: https://www.rabbitmq.com/docs/quorum-queues#dead-lettering */
function quorumQueue(deadLetter?: { exchange: string; routingKey: string }, limit = NO_DELIVERY_LIMIT) {
  return {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': limit,
      ...(deadLetter && {
        'x-dead-letter-exchange': deadLetter.exchange,
        'x-dead-letter-routing-key': deadLetter.routingKey,
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      }),
    },
  } satisfies Options.AssertQueue;
}

async function declareConsumer(
  channel: Channel,
  topology: Topology,
  consumer: ConsumerTopology,
): Promise<void> {
  const { queue, deadLetterQueue } = consumer;
  await channel.assertQueue(deadLetterQueue, quorumQueue());
  await channel.bindQueue(deadLetterQueue, topology.deadLetterExchange, queue);
  await channel.assertQueue(
    queue,
    quorumQueue({ exchange: topology.deadLetterExchange, routingKey: queue }, LAST_NET_DELIVERY_LIMIT),
  );
  await channel.bindQueue(queue, topology.requeueExchange, queue);
  for (const tier of consumer.retryTiers) {
    await channel.assertQueue(
      tier.queue,
      quorumQueue({ exchange: topology.requeueExchange, routingKey: queue }),
    );
    await channel.bindQueue(tier.queue, topology.retryExchange, tier.queue);
  }
}

/**
 * Declares everything that the service owns, and binds its queues to its own exchanges. Idempotent.
 *
 * @returns the bindings to exchanges of others, which may not be there yet
 * @throws MiswiredService when something of the same name exists with other arguments
 */
export async function declareOwnTopology(model: ChannelModel, topology: Topology): Promise<ForeignBinding[]> {
  const channel = await model.createChannel();
  // The reply to the call that failed tells the same; without a listener the event would end the process.
  channel.on('error', () => undefined);
  const foreign: ForeignBinding[] = [];
  try {
    for (const exchange of topology.exchanges) {
      await channel.assertExchange(exchange, 'topic', { durable: true });
    }
    if (topology.repliesExchange) {
      await channel.assertExchange(topology.repliesExchange, 'direct', { durable: true });
    }
    if (topology.consumers.length > 0 || topology.answerers.length > 0) {
      await channel.assertExchange(topology.deadLetterExchange, 'topic', { durable: true });
      await channel.assertExchange(topology.retryExchange, 'direct', { durable: true });
      await channel.assertExchange(topology.requeueExchange, 'direct', { durable: true });
    }
    for (const consumer of topology.consumers) await declareConsumer(channel, topology, consumer);
    for (const answerer of topology.answerers) {
      await channel.assertQueue(answerer.deadLetterQueue, quorumQueue());
      await channel.bindQueue(answerer.deadLetterQueue, topology.deadLetterExchange, answerer.queue);
      // A request that nobody answered in time is worth nothing: it expires and is gone, the asker was told.
      await channel.assertQueue(answerer.queue, quorumQueue(undefined, LAST_NET_DELIVERY_LIMIT));
    }
    for (const { queue, contracts } of [...topology.consumers, ...topology.answerers]) {
      for (const { exchange, type } of contracts) {
        if (topology.exchanges.includes(exchange)) await channel.bindQueue(queue, exchange, type);
        else foreign.push({ queue, exchange, routingKey: type });
      }
    }
    await channel.close();
  } catch (error) {
    const { code, message } = error as AmqpError;
    if (code === 406) {
      throw new MiswiredService(
        `${message}. Something of this name is on the broker with other arguments: ` +
          'drain and delete it there (it is declared anew at the next start), or choose another name in topology.ts',
        { cause: error },
      );
    }
    throw error;
  }
  return foreign;
}

/**
 * Binds a queue to an exchange of another service.
 *
 * @returns false when the exchange is not there yet
 */
export async function bindForeign(model: ChannelModel, binding: ForeignBinding): Promise<boolean> {
  const channel = await model.createChannel();
  channel.on('error', () => undefined); // told by the reply, as above
  try {
    await channel.bindQueue(binding.queue, binding.exchange, binding.routingKey);
    await channel.close();
    return true;
  } catch (error) {
    if ((error as AmqpError).code === 404) return false;
    throw error;
  }
}
