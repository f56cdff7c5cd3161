import type { ChannelModel } from 'amqplib';
import { MiswiredService } from '../errors.ts';
import type { MessagingLogger } from '../logger.ts';
import { pause } from '../timing.ts';
import type { Topology } from '../topology.ts';
import type { BrokerConnection } from './broker-connection.ts';
import { bindForeign, declareOwnTopology, type ForeignBinding } from './declare-topology.ts';

const FOREIGN_INTERVAL_MS = 250;

/**
 * Keeps what the service has on the broker in place: declares it on every new connection and whenever a queue has
 * vanished, and waits for the exchanges of others, visibly.
 */
export class TopologyKeeper {
  /** What can't work, and how to mend it. */
  miswiring: MiswiredService | undefined;
  readonly #topology: Topology;
  readonly #connection: BrokerConnection;
  readonly #logger: MessagingLogger;
  readonly #stopping = new AbortController();
  #declaring: { model: ChannelModel; done: Promise<void> } | undefined;
  #missing: ForeignBinding[] | undefined;
  #waiting: Promise<void> | undefined;

  constructor(topology: Topology, connection: BrokerConnection, logger: MessagingLogger) {
    this.#topology = topology;
    this.#connection = connection;
    this.#logger = logger;
  }

  /** Exchanges of other services that are not there yet; undefined before the first declaration. */
  get waitingFor(): string[] | undefined {
    return this.#missing && [...new Set(this.#missing.map(({ exchange }) => exchange))];
  }

  /**
   * Declares the service's own part. Calls that come while one is under way share it.
   *
   * @throws MiswiredService when something of the same name exists with other arguments
   */
  ensure(model: ChannelModel): Promise<void> {
    if (this.#declaring?.model !== model) {
      const done = this.#declare(model).finally(() => {
        if (this.#declaring?.done === done) this.#declaring = undefined;
      });
      this.#declaring = { model, done };
    }
    return this.#declaring.done;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#waiting;
  }

  async #declare(model: ChannelModel): Promise<void> {
    try {
      this.#missing = await declareOwnTopology(model, this.#topology);
      this.miswiring = undefined;
    } catch (error) {
      if (error instanceof MiswiredService) this.miswiring = error;
      throw error;
    }
    await this.#bindMissing(model);
    this.#waiting ??= this.#waitForForeign().finally(() => {
      this.#waiting = undefined;
    });
  }

  async #waitForForeign(): Promise<void> {
    let told = '';
    let lastError = '';
    while (this.#missing && this.#missing.length > 0 && !this.#stopping.signal.aborted) {
      const names = this.waitingFor!.join(', ');
      if (names !== told) this.#logger.log(`waiting for ${names}, which another service declares`);
      told = names;
      await pause(FOREIGN_INTERVAL_MS, this.#stopping.signal);
      const model = this.#connection.current;
      if (!model) continue;
      try {
        await this.#bindMissing(model);
      } catch (error) {
        const { message } = error as Error;
        if (message !== lastError) this.#logger.error(`binding to ${names} fails: ${message}`);
        lastError = message;
      }
    }
    if (told && !this.#stopping.signal.aborted) this.#logger.log('all exchanges of others are there');
  }

  async #bindMissing(model: ChannelModel): Promise<void> {
    const absent = new Set<string>();
    const still: ForeignBinding[] = [];
    for (const binding of this.#missing ?? []) {
      // Of an exchange that is not there one failed call is enough.
      if (!absent.has(binding.exchange) && (await bindForeign(model, binding))) continue;
      absent.add(binding.exchange);
      still.push(binding);
    }
    this.#missing = still;
  }
}
