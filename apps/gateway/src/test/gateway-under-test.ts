import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allContracts, ENVELOPE_CONTENT_TYPE, formatSequence, type EventEnvelope } from '@warren/contracts';
import { currentFlow } from '@warren/messaging';
import { createLogger } from '@warren/observability';
import { startService, type RunningService, type StartOptions } from '@warren/service';
import {
  createTestBroker,
  createTestDatabase,
  eventually,
  publishRaw,
  type TestBroker,
  type TestDatabase,
} from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { gateway } from '../app.module.ts';

export const PASSWORD = 'correct horse battery staple';

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** What the payment provider signs with, and what it signed with before. */
export const CALLBACK_SECRET = newSecret();
export const FORMER_CALLBACK_SECRET = newSecret();

export interface Answer<T = any> {
  status: number;
  headers: Headers;
  /** Parsed when it is JSON, else the text. */
  body: T;
}

export interface CallOptions {
  token?: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: NonNullable<RequestInit['body']>;
}

export interface SignedUpUser {
  id: string;
  email: string;
  token: string;
}

/** A gateway in this process, with a broker, a database and a storage folder of its own. */
export class GatewayUnderTest {
  private constructor(
    readonly service: RunningService,
    readonly broker: TestBroker,
    readonly database: TestDatabase,
    readonly directory: string,
  ) {}

  /** @param brokerThrough where the gateway finds the broker; default: at its own address */
  static async start(
    environment: Record<string, string> = {},
    brokerThrough: (url: string) => string = (url) => url,
    options: StartOptions = {},
  ): Promise<GatewayUnderTest> {
    const [broker, database, directory] = await Promise.all([
      createTestBroker(),
      createTestDatabase(),
      mkdtemp(join(tmpdir(), 'warren-gateway-test-')),
    ]);
    const service = await startService(
      gateway,
      { ...variables(database.url, brokerThrough(broker.url), directory), ...environment },
      options,
    );
    return new GatewayUnderTest(service as RunningService, broker, database, directory);
  }

  /** A second process of the same gateway, as it were. */
  startReplica(environment: Record<string, string> = {}): Promise<RunningService> {
    return startService(gateway, {
      ...variables(this.database.url, this.broker.url, this.directory),
      ...environment,
    }) as Promise<RunningService>;
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await Promise.all([this.broker.close(), this.database.close(), rm(this.directory, { recursive: true })]);
  }

  async call<T = any>(
    method: string,
    path: string,
    { token, headers = {}, json, body }: CallOptions = {},
  ): Promise<Answer<T>> {
    const response = await fetch(new URL(path, this.service.url), {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      ...(body !== undefined && { body, duplex: 'half' }),
    } as RequestInit);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : text) as T,
    };
  }

  /** Sends bytes as they are, and returns what comes back until the gateway closes the connection. */
  async raw(...chunks: (string | Buffer)[]): Promise<{ status: number; head: string; body: string }> {
    const { hostname, port } = new URL(this.service.url);
    const socket = connect(Number(port), hostname);
    for (const chunk of chunks) socket.write(chunk);
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    await once(socket, 'close');
    const [head = '', body = ''] = Buffer.concat(received).toString().split('\r\n\r\n');
    return { status: Number(head.split(' ')[1]), head, body };
  }

  async signUp(): Promise<SignedUpUser> {
    const email = `${uuidv7()}@example.com`;
    const account = await this.call('POST', '/v1/users', {
      json: { email, displayName: 'Ada', password: PASSWORD },
    });
    const session = await this.call('POST', '/v1/sessions', { json: { email, password: PASSWORD } });
    return { id: account.body.id, email, token: session.body.accessToken };
  }

  /** Accepts an order of one teapot and returns its id. */
  async order(token: string): Promise<string> {
    const { body } = await this.call('POST', '/v1/orders', {
      token,
      headers: { 'idempotency-key': uuidv7() },
      json: { lines: [{ sku: 'SKU-TEAPOT', quantity: 1 }] },
    });
    return body.id;
  }

  upload(token: string, name: string, content: string | Uint8Array<ArrayBuffer>): Promise<Answer> {
    const form = new FormData();
    form.append('file', new Blob([content]), name);
    return this.call('POST', '/v1/files', { token, body: form });
  }

  /**
   * Publishes an event as the service that owns it does: the example of its contract, with `change`. Waits until a
   * queue is bound that takes it.
   */
  async publishEvent(type: string, subject: string, sequence: number, change: object): Promise<void> {
    const contract = allContracts.find((each) => each.type === type);
    if (!contract) throw new Error(`there is no contract ${type}`);
    const id = uuidv7();
    const envelope: EventEnvelope = {
      specversion: '1.0',
      id,
      source: `/warren/${contract.publishedBy}`,
      type,
      subject,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      dataschema: `http://127.0.0.1/schemas/${type}.json`,
      sequence: formatSequence(sequence),
      correlationid: uuidv7(),
      data: { ...contract.example, ...change },
    };
    await eventually(() =>
      publishRaw(this.broker.url, contract.exchange, type, envelope, {
        contentType: ENVELOPE_CONTENT_TYPE,
        messageId: id,
        type,
      }),
    );
  }

  /** Number of rows in some of the gateway's tables. */
  async counts<Table extends string>(...tables: Table[]): Promise<Record<Table, number>> {
    const columns = tables.map((table) => `(SELECT count(*)::int FROM gateway.${table}) AS ${table}`);
    const [row] = await this.database.query<Record<Table, number>>(`SELECT ${columns.join(', ')}`);
    return row!;
  }

  async count(table: string): Promise<number> {
    return (await this.counts(table))[table]!;
  }

  /** Every file in the storage folder, also those that are not complete; not the mark of the store itself. */
  async storedFiles(): Promise<string[]> {
    const entries = await readdir(this.directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && entry.name !== '.object-store')
      .map((entry) => join(entry.parentPath, entry.name).slice(this.directory.length + 1));
  }
}

/** Collects what is logged. Nest has one logger in a process: that of the service which is started first. */
export function capturedLog(): { lines: string[]; logger: NonNullable<StartOptions['logger']> } {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  const context = () => currentFlow() ?? {};
  return {
    lines,
    logger: createLogger({ service: 'gateway', level: 'trace', format: 'json', context, stream }),
  };
}

const variables = (databaseUrl: string, amqpUrl: string, directory: string): Record<string, string> => ({
  WARREN_DATABASE_URL: databaseUrl,
  WARREN_AMQP_URL: amqpUrl,
  WARREN_FILES_DIRECTORY: directory,
  WARREN_PAYMENT_PROVIDER: 'sandbox',
  WARREN_PAYMENT_CALLBACK_SECRETS: [CALLBACK_SECRET, FORMER_CALLBACK_SECRET].join(),
  WARREN_HTTP_PORT: '0',
  WARREN_LOG_LEVEL: process.env['WARREN_TEST_LOG_LEVEL'] ?? 'fatal',
});
