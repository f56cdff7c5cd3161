import type { MessageHandler } from '@nestjs/microservices';
import type { ChannelModel } from 'amqplib';
import type { DataSource } from 'typeorm';
import { BrokerConnection } from './broker/broker-connection.ts';
import { ConfirmPublisher } from './broker/confirm-publisher.ts';
import { TopologyKeeper } from './broker/topology-keeper.ts';
import { BatchConsumer } from './delivery/batch-consumer.ts';
import { CrashGuard, Suspects } from './delivery/crash-guard.ts';
import type { BoundHandler } from './delivery/deliver.ts';
import { Deliveries } from './delivery/deliveries.ts';
import { QueueConsumer } from './delivery/queue-consumer.ts';
import { bindHandlers } from './handler-registry.ts';
import { InboxMaintenance } from './inbox/inbox-partitions.ts';
import type { MessagingLogger } from './logger.ts';
import { MessagingMetrics } from './metrics.ts';
import type { ConsumerStatus, PublisherStatus, StatusSource, WorkStatus } from './messaging-status.ts';
import { Outbox } from './outbox/outbox.ts';
import { READ_BY_INDEX } from './outbox/outbox-store.ts';
import { RelayLease } from './outbox/relay-lease.ts';
import { Relay, type RelayOptions } from './outbox/relay.ts';
import { WakeUp } from './outbox/wake-up.ts';
import { RequestAnswerer } from './requests/request-answerer.ts';
import { Requests } from './requests/requests.ts';
import { ScheduledWork, type ScheduledWorkOptions } from './schedule/scheduled-work.ts';
import { separateWork } from './schedule/work-registry.ts';
import { withDeadline } from './timing.ts';
import type { Topology } from './topology.ts';

export interface MessagingOptions {
  topology: Topology;
  /** `amqp://user:password@host:port/vhost`, one for each node of a cluster. */
  brokerUrls: readonly string[];
  /** Made by `createDataSource`; initialised by the caller. */
  dataSource: DataSource;
  /** Where the JSON Schemas are served; `dataschema` of a message is `<base>/<type>.json`. */
  schemaBaseUrl: string;
  /** How long handlers in hand may go on after a stop was asked for. Milliseconds, default 15,000. */
  shutdownTimeoutMs?: number;
  relay?: RelayOptions;
  /** Scheduled messages, background jobs and recurring jobs. */
  work?: ScheduledWorkOptions;
}

/** How long a boot waits for the answer of a broker that is there. */
const FIRST_DECLARATION_MS = 10_000;

/** Everything of the library that runs in one process, put together. */
export class MessagingRuntime implements StatusSource {
  readonly outbox: Outbox;
  readonly #options: MessagingOptions;
  readonly #logger: MessagingLogger;
  readonly #metrics = new MessagingMetrics();
  readonly #publishing: BrokerConnection;
  /** Of its own, so that a blocked publisher does not stop acknowledgements. */
  readonly #consuming: BrokerConnection;
  readonly #publisher: ConfirmPublisher;
  readonly #keeper: TopologyKeeper;
  readonly #relay: Relay;
  readonly #wakeUp: WakeUp;
  readonly #inbox: InboxMaintenance;
  readonly requests: Requests;
  readonly work: ScheduledWork;
  readonly deliveries: Deliveries;
  #consumers: (QueueConsumer | BatchConsumer)[] = [];
  #answerers: RequestAnswerer[] = [];
  #repliesPublisher: ConfirmPublisher | undefined;

  constructor(options: MessagingOptions, logger: MessagingLogger) {
    const { topology, dataSource, schemaBaseUrl, brokerUrls } = options;
    this.#options = options;
    this.#logger = logger;
    const schema = (dataSource.options as { schema?: string }).schema ?? 'public';
    this.#publishing = new BrokerConnection(brokerUrls, `${topology.service} publishing`, logger);
    this.#consuming = new BrokerConnection(brokerUrls, `${topology.service} consuming`, logger);
    this.#publisher = new ConfirmPublisher(this.#publishing, logger);
    this.#keeper = new TopologyKeeper(topology, this.#consuming, logger);
    const lease = new RelayLease({
      clientConfig: clientConfigOf(dataSource, schema),
      schema,
      logger,
      onNotify: () => this.#relay.wake(),
    });
    this.#relay = new Relay(lease, this.#publisher, topology.service, logger, this.#metrics, options.relay);
    this.#wakeUp = new WakeUp(dataSource, this.#relay, schema, logger);
    this.#inbox = new InboxMaintenance(dataSource, logger);
    this.deliveries = new Deliveries(this.#metrics, logger, () => this.#inHand());
    this.outbox = new Outbox(dataSource, topology, schemaBaseUrl, () => this.#wakeUp.committed());
    this.work = new ScheduledWork({
      dataSource,
      topology,
      schemaBaseUrl,
      logger,
      onOutboxFilled: () => this.#wakeUp.committed(),
      options: options.work,
    });
    this.requests = new Requests(topology, schemaBaseUrl, this.#consuming, this.#publisher, logger);
  }

  /**
   * Starts to consume and to relay. A broker that is away is waited for in the background.
   *
   * @throws MiswiredService when the wiring can't work
   */
  async start(found: ReadonlyMap<string, MessageHandler>): Promise<void> {
    const { messages, work } = separateWork(found);
    const handlers = bindHandlers(this.#options.topology, messages);
    this.work.bind(work);
    await this.#inbox.start();
    this.work.start();
    await this.#firstDeclaration();
    this.#consuming.onConnected((model) => void this.#declareAgain(model));
    this.#startConsumers(handlers);
    this.#relay.start();
  }

  /** Takes no more, lets what is in hand end up to the deadline, flushes, closes. */
  async stop(): Promise<void> {
    const deadline = this.#options.shutdownTimeoutMs ?? 15_000;
    await Promise.all([
      ...[...this.#consumers, ...this.#answerers].map((consumer) => consumer.stop(deadline)),
      this.work.stop(deadline),
    ]);
    this.#wakeUp.stop();
    await withDeadline(this.#relay.stop(), deadline);
    await this.requests.close();
    await Promise.all([this.#publisher.close(2_000), this.#repliesPublisher?.close(2_000)]);
    await Promise.all([...this.#consumers, ...this.#answerers].map((consumer) => consumer.close()));
    await this.#keeper.stop();
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
    await this.#inbox.stop();
  }

  consumers(): ConsumerStatus[] {
    const missing = this.#keeper.waitingFor;
    const waiting =
      missing && missing.length > 0 ? `waiting for the exchanges ${missing.join(', ')}` : undefined;
    const miswired = this.#keeper.miswiring?.message;
    return [...this.#consumers, ...this.#answerers].map(({ queue, problem }) => {
      const reason = miswired ?? problem ?? waiting;
      return { queue, consuming: reason === undefined, ...(reason !== undefined && { reason }) };
    });
  }

  publisher(): PublisherStatus {
    const { problem, blocked } = this.#publishing;
    const reason = problem ?? blocked;
    return {
      connected: problem === undefined && this.#publisher.ready,
      blocked: blocked !== undefined,
      ...(reason !== undefined && { reason }),
    };
  }

  relay(): { active: boolean } {
    return { active: this.#relay.active };
  }

  scheduledWork(): WorkStatus {
    return this.work.status();
  }

  #inHand(): number {
    return [...this.#consumers, ...this.#answerers].reduce((sum, { inHand }) => sum + inHand, 0);
  }

  /** A broker that answers shows at boot what can't work; one that is away does not hold the boot up. */
  async #firstDeclaration(): Promise<void> {
    await this.#consuming.firstAttempt;
    const model = this.#consuming.current;
    if (!model) return;
    try {
      await withDeadline(this.#keeper.ensure(model), FIRST_DECLARATION_MS);
    } catch (error) {
      if (this.#keeper.miswiring) throw error;
      this.#logger.warn(`the topology could not be declared, trying again: ${(error as Error).message}`);
    }
  }

  /** On every new connection, also for a service that only publishes. Consumers try again by themselves. */
  async #declareAgain(model: ChannelModel): Promise<void> {
    await this.#keeper.ensure(model).catch((error: Error) => {
      this.#logger.error(`the topology could not be declared: ${error.message}`);
    });
  }

  #startConsumers(handlers: ReadonlyMap<string, BoundHandler>): void {
    const { topology, dataSource, schemaBaseUrl } = this.#options;
    const common = {
      topology,
      connection: this.#consuming,
      publisher: this.#publisher,
      logger: this.#logger,
      deliveries: this.deliveries,
      prepare: this.#keeper.ensure.bind(this.#keeper),
    };
    const suspects = new Suspects();
    // Of its own: a reply to somebody who is gone must not close the channel of the relay.
    const repliesPublisher =
      topology.answerers.length > 0 ? new ConfirmPublisher(this.#publishing, this.#logger) : undefined;
    this.#repliesPublisher = repliesPublisher;
    this.#consumers = topology.consumers.map((consumer) => {
      const own = new Map([...handlers].filter(([type]) => consumer.contracts.some((c) => c.type === type)));
      const crashGuard = new CrashGuard(dataSource, consumer.queue, suspects, this.#logger);
      const parts = { ...common, engine: { dataSource, consumer, handlers: own, crashGuard } };
      const batch = [...own.values()].find((handler) => handler.batch)?.batch;
      return batch ? new BatchConsumer(parts, batch) : new QueueConsumer(parts);
    });
    this.#answerers = topology.answerers.map((answerer) => {
      const own = new Map([...handlers].filter(([type]) => answerer.contracts.some((c) => c.type === type)));
      return new RequestAnswerer({
        ...common,
        replies: repliesPublisher!,
        schemaBaseUrl,
        answerer,
        handlers: own,
      });
    });
  }
}

/**
 * The server lets go of a relay that is not heard of, and of its lock: by default it would wait for hours where the
 * host of the relay is gone, and for ever where its process is frozen.
 */
const LET_GO_OF_THE_DEAD = [
  'tcp_keepalives_idle=5',
  'tcp_keepalives_interval=2',
  'tcp_keepalives_count=3',
  'tcp_user_timeout=15000',
  'idle_session_timeout=15000',
];

/**
 * The relay does not wait for the disk when it deletes what is published, or marks what was refused. A server that
 * crashes within a second of that has the rows as before, and they are published again, as after a crash of the relay.
 *
 * Source: https://www.postgresql.org/docs/current/wal-async-commit.html
 */
const COMMIT_WITHOUT_WAITING = 'synchronous_commit=off';

/** The relay's own connection: as the pool's, and with a deadline, for a frozen server says nothing at all. */
function clientConfigOf(dataSource: DataSource, schema: string) {
  const { url } = dataSource.options as { url?: string };
  return {
    connectionString: url!,
    application_name: `${schema} relay`,
    options: [`search_path=${schema}`, ...LET_GO_OF_THE_DEAD, COMMIT_WITHOUT_WAITING, ...READ_BY_INDEX]
      .map((setting) => `-c ${setting}`)
      .join(' '),
    connectionTimeoutMillis: 5_000,
    query_timeout: 30_000,
    keepAlive: true,
  };
}
