import { setTimeout as sleep } from 'node:timers/promises';
import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DataClass, EventEnvelope } from '@warren/contracts';
import {
  Deliveries,
  MessagingStatus,
  type DeadLetter,
  type SettledDelivery,
  type Topology,
} from '@warren/messaging';
import {
  schemaOf,
  startService,
  type EnvironmentSpecs,
  type RunningService,
  type ServiceConfig,
  type ServiceDefinition,
} from '@warren/service';
import {
  createTestBroker,
  createTestDatabase,
  eventually,
  type TestBroker,
  type TestDatabase,
} from '@warren/testing';
import {
  HandlerFaults,
  nameOf,
  type FailureOptions,
  type FaultOptions,
  type HandlerTarget,
} from './handler-faults.ts';
import { composeMessage, type IncomingMessage, type PublishOptions } from './incoming-message.ts';
import { describeTarget, type MessageTarget } from './message-log.ts';
import { ProxiedNetwork, type Network } from './network.ts';
import { Stage } from './stage.ts';
import { definitionOf, type ServiceParts } from './service-under-test.ts';
import { DEFAULT_TIMEOUT_MS, waitFor, WaitTimedOut, type WaitOptions } from './wait-for.ts';

export interface TestServiceOptions {
  /** Variables of the service's environment, beside those that lead to its broker, its database and a free port. */
  environment?: Readonly<Record<string, string>>;
}

export interface HandledOptions extends WaitOptions {
  /** Deliveries that have to end so, at least. Default 1. */
  times?: number;
  /** How they have to end. Default `done`: the effect is committed. */
  outcome?: SettledDelivery['outcome'];
}

/** A call of a handler that is held. */
export interface HeldCall {
  /**
   * Waits until the call has come and is held.
   *
   * @throws WaitTimedOut
   */
  reached(options?: WaitOptions): Promise<void>;
  /** Lets the call go on, or through, if it comes later. May be called twice. */
  release(): void;
}

const READY_MS = 30_000;
const LOOK_AGAIN_MS = 100;

/**
 * A service that runs in this process, on a virtual host and a database of its own, with a network between them that
 * can be broken. Made by {@link startTestService}.
 */
export class TestService {
  readonly broker: TestBroker;
  readonly database: TestDatabase;
  readonly #definition: ServiceDefinition;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #network: ProxiedNetwork;
  readonly #faults = new HandlerFaults();
  #service: RunningService | undefined;
  #stage: Stage | undefined;

  private constructor(
    definition: ServiceDefinition,
    environment: Readonly<Record<string, string>>,
    broker: TestBroker,
    database: TestDatabase,
    network: ProxiedNetwork,
  ) {
    this.#definition = definition;
    this.#environment = environment;
    this.broker = broker;
    this.database = database;
    this.#network = network;
  }

  /** See {@link startTestService}. */
  static async start(
    definition: ServiceDefinition,
    { environment = {} }: TestServiceOptions,
  ): Promise<TestService> {
    const [broker, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
    const network = await ProxiedNetwork.between({ broker: broker.url, database: database.url });
    const bench = new TestService(definition, environment, broker, database, network);
    try {
      await bench.start();
    } catch (error) {
      await bench.close();
      throw error;
    }
    return bench;
  }

  /** The running service: its Nest application, its configuration, its URL. Throws while it is stopped. */
  get service(): RunningService {
    if (!this.#service) throw new Error(`${this.#definition.name} is stopped: start() it first`);
    return this.#service;
  }

  /** A provider of the service. */
  get<T>(token: Type<T> | string | symbol): T {
    return this.service.app.get<T>(token, { strict: false });
  }

  /** The network between the service and its broker and database. */
  get network(): Network {
    return this.#network;
  }

  /** Runs one statement in the service's schema, past the network that can be broken. */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    parameters: unknown[] = [],
  ): Promise<Row[]> {
    return this.#opened.backstage.query<Row>(sql, parameters);
  }

  /**
   * Publishes a message as the service that owns its contract would, and returns when the broker has it in the queue.
   *
   * @throws InvalidData when the data is not what the contract allows
   * @throws TypeError when the service consumes no such message
   */
  async publish<T extends object>(
    dataClass: DataClass<T>,
    data: T,
    options: PublishOptions = {},
  ): Promise<IncomingMessage<T>> {
    const message = composeMessage(dataClass, data, options);
    await this.#opened.send(message);
    return message;
  }

  /** Publishes the very same message once more, as a publisher does that saw no confirm. */
  async redeliver(message: IncomingMessage): Promise<void> {
    await this.#opened.send(message);
  }

  /**
   * Waits until deliveries were settled: acknowledged, or sent on to a wait queue or the dead-letter queue.
   *
   * @param what a message that was published here, or all messages of a type, counted from the start of the bench
   * @returns those that ended so
   * @throws WaitTimedOut, telling how they did end
   */
  handled(
    what: MessageTarget,
    { times = 1, outcome = 'done', timeoutMs }: HandledOptions = {},
  ): Promise<SettledDelivery[]> {
    const look = () => {
      const ended = this.deliveries(what).filter((delivery) => delivery.outcome === outcome);
      return ended.length >= times ? ended : undefined;
    };
    return this.#wait(`${describeTarget(what)} to be ${outcome}${times > 1 ? ` ${times} times` : ''}`, look, {
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
  }

  /** How deliveries ended so far, in order. */
  deliveries(what?: MessageTarget): SettledDelivery[] {
    const { log } = this.#opened;
    return what === undefined ? [...log.deliveries] : log.deliveriesOf(what);
  }

  /**
   * Waits for a message that the service publishes; one that it has published since the bench started will do.
   *
   * @throws WaitTimedOut, telling what it did publish
   */
  published<T extends object>(
    dataClass: DataClass<T>,
    condition?: (message: EventEnvelope<T>) => boolean,
    options: WaitOptions = {},
  ): Promise<EventEnvelope<T>> {
    const what = `${nameOf(dataClass as DataClass)}${condition ? ' that fulfils the condition' : ''} to be published`;
    return this.#wait(what, () => this.publications(dataClass, condition)[0], options);
  }

  /** What the service has published of a type so far, in the order of arrival. */
  publications<T extends object>(
    dataClass: DataClass<T>,
    condition?: (message: EventEnvelope<T>) => boolean,
  ): EventEnvelope<T>[] {
    return this.#opened.publications.matching(dataClass, condition);
  }

  /**
   * Lets the next calls of a handler fail.
   *
   * @param target a contract, a type as `order.placed.v1`, or the name of a job
   * @param error what is thrown. Default: an Error, which means "try again later".
   */
  failNext<T extends object>(
    target: HandlerTarget<T>,
    error: Error = new Error('a failure that the test injected'),
    options: FailureOptions<T> = {},
  ): void {
    this.#faults.failNext(target as HandlerTarget, error, options as FailureOptions<never>);
  }

  /** Holds the next call of a handler, so that the test can do something meanwhile. */
  holdNext<T extends object>(target: HandlerTarget<T>, options: FaultOptions<T> = {}): HeldCall {
    const hold = this.#faults.holdNext(target as HandlerTarget, options as FaultOptions<never>);
    const what = `a call of the handler of ${nameOf(target as HandlerTarget)}`;
    return {
      reached: async (waiting = {}) => {
        await this.#wait(what, () => hold.reached || undefined, waiting);
      },
      release: () => hold.release(),
    };
  }

  /** Lets every held call go on, and injects nothing any more. */
  clearFaults(): void {
    this.#faults.clear();
  }

  /**
   * The dead letters that are there now.
   *
   * @param queue in which they failed: `mails` or `email-service.mails`. Default: all queues of the service.
   */
  deadLetters(queue?: string): Promise<DeadLetter[]> {
    return this.#opened.backstage.deadLetters(queue);
  }

  /**
   * Waits until all work is done and none has failed: every message that was published here or by the service to itself
   * is settled; queues, wait queues, dead-letter queues and outbox are empty; no job is due, runs, or has failed; every
   * injected failure has happened.
   *
   * @throws WaitTimedOut, telling what is left
   */
  async expectNothingLeft({ timeoutMs = DEFAULT_TIMEOUT_MS }: WaitOptions = {}): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    // One look takes a while, in which work may move from where it was not seen yet to where it is not seen any more.
    for (let cleanLooks = 0; cleanLooks < 2; await sleep(LOOK_AGAIN_MS)) {
      const left = await this.#left();
      cleanLooks = left.length === 0 ? cleanLooks + 1 : 0;
      if (left.length === 0 || performance.now() < deadline) continue;
      throw new WaitTimedOut(
        `waited ${timeoutMs / 1000} s for nothing to be left; there is\n- ${left.join('\n- ')}\n${await this.#situation()}`,
      );
    }
  }

  /** Starts the service again after {@link stop}, on what it left, and waits until it is ready. */
  async start(): Promise<void> {
    if (this.#service) throw new Error(`${this.#definition.name} runs already`);
    this.#service = await startService(
      { ...this.#definition, configure: (app, config) => this.#prepare(app, config) },
      {
        WARREN_LOG_LEVEL: 'fatal',
        ...this.#environment,
        WARREN_DATABASE_URL: this.#network.url('database'),
        WARREN_AMQP_URL: this.#network.url('broker'),
        WARREN_HTTP_PORT: '0',
      },
    );
    await this.ready();
  }

  /** Stops the service gracefully. Messages that are published meanwhile wait in its queues. */
  async stop(): Promise<void> {
    const service = this.#service;
    this.#service = undefined;
    await service?.stop();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /**
   * Waits until the service says that it is ready.
   *
   * @throws WaitTimedOut, telling what it waits for
   */
  async ready({ timeoutMs = READY_MS }: WaitOptions = {}): Promise<void> {
    const { url } = this.service;
    let answer = 'nothing';
    try {
      await eventually(
        async () => {
          const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
          answer = await response.text();
          if (!response.ok) throw new Error(answer);
        },
        { timeoutMs },
      );
    } catch (error) {
      throw new WaitTimedOut(
        `waited ${timeoutMs / 1000} s for ${this.#definition.name} to be ready; it answers ${answer}`,
        { cause: error },
      );
    }
  }

  /** Mends the network, stops the service, and drops its virtual host and its database. May be called twice. */
  async close(): Promise<void> {
    this.#faults.clear();
    const results: PromiseSettledResult<unknown>[] = [];
    const all = async (...steps: Promise<unknown>[]) => {
      results.push(...(await Promise.allSettled(steps)));
    };
    await all(this.#network.restore());
    await all(this.stop());
    await all(this.#stage?.close() ?? Promise.resolve(), this.#network.close());
    this.#stage = undefined;
    await all(this.broker.close(), this.database.close());
    const errors = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `${this.#definition.name} could not be closed`);
  }

  /** Runs when the application is made and nothing is consumed yet: from here on nothing escapes the bench. */
  async #prepare(app: NestFastifyApplication, config: ServiceConfig): Promise<void> {
    await this.#definition.configure?.(app, config);
    this.#stage ??= await Stage.set(
      this.broker,
      this.database,
      schemaOf(this.#definition),
      topologyIn(this.#definition, config),
    );
    const { deliveries } = this.#stage.log;
    app.get(Deliveries).onSettled((delivery) => deliveries.push(delivery));
    for (const microservice of app.getMicroservices()) microservice.useGlobalInterceptors(this.#faults);
  }

  #wait<T>(what: string, look: () => T | undefined, options: WaitOptions): Promise<T> {
    return waitFor(what, look, options, () => this.#situation());
  }

  async #left(): Promise<string[]> {
    const inHand = this.#service ? this.get(Deliveries).inHand : 0;
    return [
      ...(await this.#opened.left()),
      ...(inHand > 0 ? [`${inHand} deliveries in hand`] : []),
      ...this.#faults.outstanding().map((fault) => `an injected fault that has not happened: ${fault}`),
    ];
  }

  async #situation(): Promise<string> {
    const consumers = this.#service ? this.get(MessagingStatus).consumers() : [];
    const idle = consumers.filter(({ consuming }) => !consuming);
    return [
      ...(await this.#opened.situation()),
      ...idle.map(({ queue, reason }) => `${queue} is not consumed: ${reason}`),
      ...(this.#service ? [] : [`${this.#definition.name} is stopped`]),
      ...this.#network.faults.map((fault) => `network: the ${fault}`),
    ].join('\n');
  }

  get #opened(): Stage {
    if (!this.#stage) throw new Error(`the bench of ${this.#definition.name} is closed`);
    return this.#stage;
  }
}

function topologyIn({ topology }: ServiceDefinition, config: ServiceConfig): Topology {
  return typeof topology === 'function' ? topology(config) : topology;
}

/**
 * Starts a service in this process, on a virtual host and a database of its own, and waits until it is ready. Exchanges
 * of other services are declared as their owners would.
 *
 * @param service what `defineService` made, or the parts of one
 * @throws MiswiredService, ConfigurationError as the service itself
 * @throws Error when the tests were not started through `npm test`
 */
export function startTestService<Specs extends EnvironmentSpecs = {}>(
  service: ServiceDefinition<Specs> | ServiceParts,
  options: TestServiceOptions = {},
): Promise<TestService> {
  return TestService.start(definitionOf(service), options);
}
