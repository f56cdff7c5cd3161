import {
  createDataSource,
  DeadLetters,
  Jobs,
  Outbox,
  type DeadLetter,
  type JobView,
  type Topology,
} from '@warren/messaging';
import type { TestBroker } from '@warren/testing';
import { connect } from 'amqplib';
import type { DataSource } from 'typeorm';

const JOBS_A_PAGE = 1_000;

/** What one queue holds that nobody works on. */
export interface QueueDepth {
  queue: string;
  messages: number;
}

/** Looks at what the service has on its broker and in its database, past the network that the test breaks. */
export class Backstage {
  readonly #broker: TestBroker;
  readonly #dataSource: DataSource;
  readonly #topology: Topology;
  readonly #outbox: Outbox;
  readonly #jobs: Jobs;

  private constructor(broker: TestBroker, dataSource: DataSource, topology: Topology) {
    this.#broker = broker;
    this.#dataSource = dataSource;
    this.#topology = topology;
    this.#outbox = new Outbox(dataSource, topology, 'http://127.0.0.1', () => undefined);
    this.#jobs = new Jobs(dataSource, () => undefined);
  }

  static async open(
    broker: TestBroker,
    databaseUrl: string,
    schema: string,
    topology: Topology,
  ): Promise<Backstage> {
    const dataSource = createDataSource({
      url: databaseUrl,
      schema,
      entities: [],
      migrations: [],
      poolSize: 3,
      applicationName: 'test',
    });
    await dataSource.initialize();
    return new Backstage(broker, dataSource, topology);
  }

  query<Row extends object>(sql: string, parameters: unknown[]): Promise<Row[]> {
    return this.#dataSource.query(sql, parameters);
  }

  /** @param queue its purpose or its whole name; all queues of the service when there is none. */
  async deadLetters(queue?: string): Promise<DeadLetter[]> {
    const names = this.#topology.consumers.map((consumer) => consumer.queue);
    const full = queue === undefined ? undefined : this.#fullName(queue);
    const access = await DeadLetters.open({
      brokerUrls: [this.#broker.url],
      managementUrl: this.#broker.managementUrl,
    });
    const letters: DeadLetter[] = [];
    try {
      await access.look({ queues: full ? [full] : names }, (letter) => letters.push(letter));
    } finally {
      await access.close();
    }
    return letters;
  }

  /** Messages that wait in the queues of the service, for a consumer or for their next attempt. */
  async waiting(): Promise<QueueDepth[]> {
    const { consumers, answerers } = this.#topology;
    const queues = [
      ...consumers.flatMap(({ queue, retryTiers }) => [queue, ...retryTiers.map((tier) => tier.queue)]),
      ...answerers.map(({ queue }) => queue),
    ];
    return (await this.#depths(queues)).filter(({ messages }) => messages > 0);
  }

  /** What is not done yet in the database. Jobs and messages whose time has not come are in order. */
  async unfinishedRows(): Promise<string[]> {
    // In this order: what a job writes to the outbox is there when the job is done.
    const jobs = await this.#everyJob();
    const { rows } = await this.#outbox.status();
    return [
      ...jobs.flatMap((job) => unfinished(job) ?? []),
      ...(rows > 0 ? [`outbox: ${rows} messages wait to be published`] : []),
    ];
  }

  /** By one statement as long as they fit: a job that changes its state meanwhile must not slip through. */
  async #everyJob(): Promise<JobView[]> {
    const all: JobView[] = [];
    for (;;) {
      const before = all.at(-1)?.id;
      const page = await this.#jobs.list({ limit: JOBS_A_PAGE, ...(before !== undefined && { before }) });
      all.push(...page);
      if (page.length < JOBS_A_PAGE) return all;
    }
  }

  async close(): Promise<void> {
    await this.#dataSource.destroy();
  }

  #fullName(queue: string): string {
    const { service, consumers, answerers } = this.#topology;
    const names = [...consumers, ...answerers].map((each) => each.queue);
    const full = names.find((name) => name === queue || name === `${service}.${queue}`);
    if (full) return full;
    throw new TypeError(`${service} has no queue "${queue}"; it has ${names.join(', ') || 'none'}`);
  }

  async #depths(queues: readonly string[]): Promise<QueueDepth[]> {
    const connection = await connect(this.#broker.url);
    try {
      const channel = await connection.createChannel();
      const depths: QueueDepth[] = [];
      for (const queue of queues) {
        const { messageCount } = await channel.checkQueue(queue);
        depths.push({ queue, messages: messageCount });
      }
      return depths;
    } finally {
      await connection.close();
    }
  }
}

/** Undefined for a job that is done, or whose first time has not come. */
function unfinished({ name, id, state, attempt, runAt, lastError }: JobView): string | undefined {
  const job = `job ${name} ${id}`;
  if (state === 'failed') return `${job} has failed: ${lastError}`;
  if (state === 'running') return `${job} runs`;
  if (state === 'done') return undefined;
  if (attempt > 0) return `${job} waits for its next attempt: ${lastError}`;
  return runAt.getTime() <= Date.now() ? `${job} is due` : undefined;
}
