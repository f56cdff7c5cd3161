import { EventEmitter } from 'node:events';
import { connect, type AmqpConnectionManager } from 'amqp-connection-manager';
import type { ChannelModel } from 'amqplib';
import type { MessagingLogger } from '../logger.ts';
import { withDeadline } from '../timing.ts';
import { cutSocket } from './close-quietly.ts';

/** A broker that is gone, or that blocks the connection, never answers that it closed it. Milliseconds. */
const CLOSE_DEADLINE_MS = 3_000;

interface ConnectionEvents {
  connected: [ChannelModel];
  unblocked: [];
}

/**
 * One supervised connection. amqp-connection-manager reconnects it, to the next address each time; channels are
 * opened and supervised by their users, because its channel wrapper costs half as much CPU again as a bare channel.
 */
export class BrokerConnection {
  /** Why the broker does not read from this connection (`connection.blocked`), or undefined. */
  blocked: string | undefined;
  /** Why there is no connection, or undefined. */
  problem: string | undefined = 'not connected yet';
  readonly #manager: AmqpConnectionManager;
  readonly #events = new EventEmitter<ConnectionEvents>();
  /** Resolves when the first attempt to connect has ended, either way. */
  readonly firstAttempt: Promise<void>;
  #closed = false;

  constructor(urls: readonly string[], name: string, logger: MessagingLogger) {
    this.#events.setMaxListeners(0);
    this.#manager = connect([...urls], {
      heartbeatIntervalInSeconds: 5,
      reconnectTimeInSeconds: 1,
      connectionOptions: { timeout: 10_000, keepAlive: true, clientProperties: { connection_name: name } },
    }) as AmqpConnectionManager;
    this.firstAttempt = new Promise((resolve) => {
      this.#manager.once('connect', () => resolve());
      this.#manager.once('connectFailed', () => resolve());
    });
    this.#manager.on('connect', ({ connection }) => {
      this.problem = undefined;
      logger.log(`connected to RabbitMQ (${name})`);
      this.#events.emit('connected', connection as unknown as ChannelModel);
    });
    this.#manager.on('connectFailed', ({ err }) => {
      if (this.problem !== err.message)
        logger.warn(`RabbitMQ can't be reached (${name}), trying again: ${err.message}`);
      this.problem = err.message;
    });
    this.#manager.on('disconnect', ({ err }) => {
      this.blocked = undefined;
      this.problem = err?.message ?? 'connection closed';
      if (!this.#closed) logger.warn(`connection to RabbitMQ lost (${name}): ${this.problem}`);
    });
    this.#manager.on('blocked', ({ reason }) => {
      this.blocked = reason;
      logger.warn(`RabbitMQ blocks publishers (${name}): ${reason}`);
    });
    this.#manager.on('unblocked', () => {
      this.blocked = undefined;
      logger.log(`RabbitMQ takes messages again (${name})`);
      this.#events.emit('unblocked');
    });
  }

  get current(): ChannelModel | undefined {
    return this.#closed ? undefined : this.#manager.connection;
  }

  /** Calls `listener` with every connection, also the one that stands already. */
  onConnected(listener: (connection: ChannelModel) => void): void {
    this.#events.on('connected', listener);
    if (this.current) listener(this.current);
  }

  onUnblocked(listener: () => void): void {
    this.#events.on('unblocked', listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#events.removeAllListeners();
    const model = this.#manager.connection;
    // The broker may have gone already: then there is nothing left to close.
    const closed = this.#manager.close().catch((error: Error) => {
      this.problem = error.message;
    });
    await withDeadline(closed, CLOSE_DEADLINE_MS);
    if (model) cutSocket(model);
  }
}
