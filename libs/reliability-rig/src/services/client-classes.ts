import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Channel, ConfirmChannel, ConsumeMessage } from 'amqplib';

/** What the client has and its types leave out. */
interface DispatchingChannel extends Channel {
  dispatchMessage(fields: object, message: ConsumeMessage | null): void;
}

interface ChannelClasses {
  Channel: { prototype: DispatchingChannel };
  ConfirmChannel: { prototype: ConfirmChannel };
}

const require = createRequire(import.meta.url);

/**
 * The classes of the AMQP client that the messaging library uses in this process. The package does not export
 * them, so they are loaded by their file; the rig wraps their methods, and production code knows nothing of it.
 */
export const { Channel: ChannelClass, ConfirmChannel: ConfirmChannelClass } = require(
  join(dirname(require.resolve('amqplib')), 'lib/channel_model.js'),
) as ChannelClasses;
