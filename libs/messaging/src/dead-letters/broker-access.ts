import type { ChannelModel } from 'amqplib';
import { BrokerConnection } from '../broker/broker-connection.ts';
import { ConfirmPublisher } from '../broker/confirm-publisher.ts';
import { ManagementApi, vhostOf } from '../broker/management-api.ts';
import { BrokerUnavailable } from '../errors.ts';
import type { MessagingLogger } from '../logger.ts';
import { pause } from '../timing.ts';

export interface BrokerAddress {
  /** `amqp://user:password@host:port/vhost`, one for each node of a cluster; of somebody who may read all queues. */
  brokerUrls: readonly string[];
  /** The management API of the same broker: `http://user:password@host:15672`. */
  managementUrl: string;
}

/** A connection that is away is waited for so long. */
const RECONNECT_MS = 60_000;

/** A broker as an operator's tool uses it: to read queues, to publish with confirms, and to ask what there is. */
export class BrokerAccess {
  readonly api: ManagementApi;
  readonly publisher: ConfirmPublisher;
  readonly #reading: BrokerConnection;
  /** Of its own, so that a blocked publisher does not stop acknowledgements. */
  readonly #publishing: BrokerConnection;

  private constructor(address: BrokerAddress, logger: MessagingLogger) {
    const { brokerUrls, managementUrl } = address;
    this.api = new ManagementApi(managementUrl, vhostOf(brokerUrls[0]!));
    this.#reading = new BrokerConnection(brokerUrls, 'dead letters reading', logger);
    this.#publishing = new BrokerConnection(brokerUrls, 'dead letters publishing', logger);
    this.publisher = new ConfirmPublisher(this.#publishing, logger);
  }

  /** @throws BrokerUnavailable when the broker can't be reached or refuses the user */
  static async open(address: BrokerAddress, logger: MessagingLogger): Promise<BrokerAccess> {
    const access = new BrokerAccess(address, logger);
    await Promise.all([access.#reading.firstAttempt, access.#publishing.firstAttempt]);
    const problem = access.#reading.problem ?? access.#publishing.problem;
    if (problem === undefined) return access;
    await access.close();
    throw new BrokerUnavailable(problem);
  }

  /** Why the broker takes no messages now (`connection.blocked`), or undefined. */
  get blocked(): string | undefined {
    return this.#publishing.blocked;
  }

  /**
   * The connection for reading, waiting for it when it is away.
   *
   * @throws BrokerUnavailable when it does not come back within a minute
   */
  async model(signal?: AbortSignal): Promise<ChannelModel> {
    const giveUpAt = Date.now() + RECONNECT_MS;
    for (;;) {
      const model = this.#reading.current;
      if (model) return model;
      if (Date.now() >= giveUpAt || signal?.aborted) {
        throw new BrokerUnavailable(this.#reading.problem ?? 'there is no connection');
      }
      await pause(100, signal);
    }
  }

  async close(): Promise<void> {
    await this.publisher.close(2_000);
    await Promise.all([this.#publishing.close(), this.#reading.close()]);
  }
}
