import type { ChannelModel } from 'amqplib';
import { MiswiredService } from '../errors.ts';
import type { Topology } from '../topology.ts';
import { closeQuietly } from './close-quietly.ts';
import { desiredTopology } from './desired-topology.ts';

/** A binding to an exchange that another service owns. */
export interface ForeignBinding {
  queue: string;
  exchange: string;
  routingKey: string;
}

type AmqpError = Error & { code?: number };

/**
 * Declares everything that the service owns, and binds its queues to its own exchanges. Idempotent.
 *
 * @returns the bindings to exchanges of others, which may not be there yet
 * @throws MiswiredService when something of the same name exists with other arguments
 */
export async function declareOwnTopology(model: ChannelModel, topology: Topology): Promise<ForeignBinding[]> {
  const { exchanges, queues, bindings } = desiredTopology(topology);
  const channel = await model.createChannel();
  // The reply to the call that failed tells the same; without a listener the event would end the process.
  channel.on('error', () => undefined);
  const foreign: ForeignBinding[] = [];
  try {
    for (const { name, type } of exchanges) await channel.assertExchange(name, type, { durable: true });
    for (const { name, arguments: args } of queues) {
      await channel.assertQueue(name, { durable: true, arguments: args });
    }
    for (const { foreign: isForeign, ...binding } of bindings) {
      if (isForeign) foreign.push(binding);
      else await channel.bindQueue(binding.queue, binding.exchange, binding.routingKey);
    }
    await closeQuietly(channel);
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
    await closeQuietly(channel);
    return true;
  } catch (error) {
    if ((error as AmqpError).code === 404) return false;
    throw error;
  }
}
