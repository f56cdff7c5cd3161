import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testServers } from '@warren/testing';
import { deprovision } from '@warren/tools/provision/provision.ts';
import { startSystem, type System, type SystemOptions } from '@warren/tools/system/start-system.ts';
import { Client } from 'pg';
import { ApiClient } from '@warren/tools/clients/api-client.ts';
import { MailInbox } from '@warren/tools/clients/mail-inbox.ts';

/** A whole system for one test file: the built services and the payment sandbox as processes, on accounts and stores of their own. */
export class SystemUnderTest {
  readonly api: ApiClient;
  readonly inbox: MailInbox;
  readonly #undo: (() => Promise<void>)[];

  private constructor(
    readonly system: System,
    readonly directory: string,
    readonly log: string[],
    undo: (() => Promise<void>)[],
  ) {
    this.api = new ApiClient(system.endpoints.gateway);
    this.inbox = new MailInbox(system.endpoints.mailInbox);
    this.#undo = undo;
  }

  static async start(options: Partial<SystemOptions> = {}): Promise<SystemUnderTest> {
    const servers = testServers();
    const suffix = `${process.pid}_${randomBytes(4).toString('hex')}`;
    const directory = await mkdtemp(join(tmpdir(), 'warren-e2e-'));
    const log: string[] = [];
    const settings: SystemOptions = {
      directory,
      amqpUrl: servers.amqpUrl,
      managementUrl: servers.managementUrl,
      databaseUrl: servers.databaseUrl,
      vhost: `e2e-${suffix}`,
      database: `e2e_${suffix}`,
      accountPrefix: `e2e_${suffix}_`,
      onLine: (program, line) => log.push(`${program}: ${line}`),
      tell: (message) => log.push(message),
      ...options,
    };
    const undo = [() => rm(directory, { recursive: true, force: true })];
    try {
      const system = await startSystem(settings);
      undo.push(() => deprovision(settings));
      undo.push(() => system.stop());
      return new SystemUnderTest(system, directory, log, undo);
    } catch (error) {
      process.stderr.write(`${log.slice(-60).join('\n')}\n`);
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Runs one statement as the operator. */
  async sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = new Client({ connectionString: this.system.endpoints.database });
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Stops everything and leaves nothing behind. */
  async stop(): Promise<void> {
    for (const step of this.#undo.splice(0).reverse()) await step();
  }
}
