import { propertiesOf, applyTopology, type DeadLetter, type Topology } from '@warren/messaging';
import { publishRaw, type TestBroker, type TestDatabase } from '@warren/testing';
import { Backstage } from './backstage.ts';
import type { IncomingMessage } from './incoming-message.ts';
import { MessageLog } from './message-log.ts';
import { Publications } from './publications.ts';
import { tally } from './wait-for.ts';

const MOST_SHOWN = 5;

/** What stands around the service: the exchanges of others, a publisher, a subscriber, and eyes on what it leaves. */
export class Stage {
  readonly topology: Topology;
  readonly publications: Publications;
  readonly backstage: Backstage;
  readonly log = new MessageLog();
  readonly #broker: TestBroker;

  private constructor(
    broker: TestBroker,
    topology: Topology,
    publications: Publications,
    backstage: Backstage,
  ) {
    this.#broker = broker;
    this.topology = topology;
    this.publications = publications;
    this.backstage = backstage;
  }

  /** Declares what the deployment and the owners of other exchanges would have declared, and subscribes. */
  static async set(
    broker: TestBroker,
    database: TestDatabase,
    schema: string,
    topology: Topology,
  ): Promise<Stage> {
    for (const exchange of exchangesOf(topology)) {
      await broker.management.call('PUT', `/exchanges/${encodeURIComponent(broker.vhost)}/${exchange}`, {
        type: 'topic',
        durable: true,
      });
    }
    const logger = { log: () => undefined, warn: () => undefined };
    await applyTopology({ topology, brokerUrls: [broker.url], logger });
    const publications = await Publications.of(broker.url, topology);
    const backstage = await Backstage.open(broker, database.url, schema, topology);
    return new Stage(broker, topology, publications, backstage);
  }

  /** @throws TypeError when the service consumes no such message */
  async send(message: IncomingMessage): Promise<void> {
    const { service, consumers } = this.topology;
    const contracts = consumers.flatMap((consumer) => consumer.contracts);
    const contract = contracts.find(({ type }) => type === message.type);
    if (!contract) {
      throw new TypeError(`${service} consumes no ${message.type}: add it to "consumes" in its topology`);
    }
    this.log.sent.push(message);
    await publishRaw(
      this.#broker.url,
      contract.exchange,
      message.type,
      message.envelope,
      propertiesOf(message.envelope, contract.publishedBy, {}),
    );
  }

  /** What is not done, or has failed. */
  async left(): Promise<string[]> {
    const rows = await this.backstage.unfinishedRows();
    const [waiting, dead] = await Promise.all([this.backstage.waiting(), this.backstage.deadLetters()]);
    const unsettled = this.log.unsettled(this.topology, this.publications.all);
    return [
      ...rows,
      ...waiting.map(({ queue, messages }) => `${queue}: ${messages} messages wait`),
      ...unsettled.map(({ type, id }) => `${type} ${id}: not settled`),
      ...dead.map(describeLetter),
    ];
  }

  /** What a test that waited in vain wants to know. */
  async situation(): Promise<string[]> {
    const rows = await this.backstage.unfinishedRows();
    const dead = await this.backstage.deadLetters();
    const published = this.publications.all.map(({ type }) => type);
    return [
      `published by ${this.topology.service} meanwhile: ${tally(published)}`,
      ...this.log.summary(MOST_SHOWN),
      ...rows.slice(0, MOST_SHOWN),
      ...dead.slice(0, MOST_SHOWN).map(describeLetter),
    ];
  }

  async close(): Promise<void> {
    await Promise.all([this.publications.close(), this.backstage.close()]);
  }
}

function exchangesOf({ publishes, consumers, answerers, asks }: Topology): Set<string> {
  const received = [...consumers, ...answerers].flatMap(({ contracts }) => contracts);
  return new Set([...publishes, ...received, ...asks].map(({ exchange }) => exchange));
}

function describeLetter({ queue, type, reason, error }: DeadLetter): string {
  return `dead letter in ${queue}: ${type}, ${reason}${error ? `, ${error.name}: ${error.message}` : ''}`;
}
