import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { captureMessages, eventually, ManagementApi, publishRaw } from '@warren/testing';
import { cacheDirectory, ROOT } from '@warren/tools/config.ts';
import type { Customer } from '@warren/tools/clients/api-client.ts';
import { findPython, type Python } from '@warren/tools/infrastructure/python.ts';
import {
  startProcess,
  type ManagedProcess,
  type ProcessExit,
} from '@warren/tools/processes/managed-process.ts';
import { run, type RunResult } from '@warren/tools/processes/run.ts';
import { connect } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { SystemUnderTest } from './system-under-test.ts';

/** The programs of examples/, run as strangers run them: with an account, the addresses, and nothing of Warren's. */

/** How many malformed messages each consumer is sent. */
const MALFORMED = 7;
const PATIENCE = { timeoutMs: 60_000, intervalMs: 100 };
let sut: SystemUnderTest;
let directory: string;
let python: Python;
let python3: ExampleCommand;
let producer: ExampleCommand;
let node: ExampleCommand;

beforeAll(async () => {
  [sut, python, directory] = await Promise.all([
    SystemUnderTest.start(),
    findPython({ cacheDirectory: cacheDirectory() }),
    mkdtemp(join(tmpdir(), 'warren-examples-')),
  ]);
  const { amqp, amqpProducer } = sut.system.endpoints;
  const inPython = (script: string) => [python.program, '-B', join(ROOT, 'examples', script)];
  python3 = new ExampleCommand(inPython('python-consumer/consumer.py'), amqp);
  producer = new ExampleCommand(inPython('python-producer/producer.py'), amqpProducer);
  node = new ExampleCommand([process.execPath, join(ROOT, 'examples/node-consumer/consumer.js')], amqp);
}, 180_000);

afterAll(async () => {
  await Promise.all([python3, node].map((example) => example?.stop()));
  await sut?.stop();
  if (directory) await rm(directory, { recursive: true, force: true });
}, 60_000);

/** One of the programs, with the environment that its README asks for. */
class ExampleCommand {
  readonly log: string[] = [];
  #process: ManagedProcess | undefined;

  constructor(
    private readonly command: string[],
    private readonly amqpUrl: string,
  ) {}

  #environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
    const { NODE_OPTIONS: _, JEST_WORKER_ID: __, NODE_ENV: ___, ...inherited } = process.env;
    return {
      ...inherited,
      ...python.environment,
      WARREN_AMQP_URL: this.amqpUrl,
      WARREN_GATEWAY_URL: sut.system.endpoints.gateway,
      ...more,
    };
  }

  /** To its end. */
  run(args: string[], environment?: Record<string, string>): Promise<RunResult> {
    const [program = '', ...rest] = this.command;
    const env = this.#environment(environment);
    return run(program, [...rest, ...args], { env, cwd: directory, allowFailure: true });
  }

  async start(): Promise<void> {
    const [command = '', ...args] = this.command;
    const begun = this.log.length;
    this.#process = await startProcess({
      command,
      args,
      cwd: directory,
      env: this.#environment(),
      output: { onLine: (line) => this.log.push(line) },
      stop: [
        { signal: 'SIGTERM', patienceMs: 10_000 },
        { signal: 'SIGKILL', patienceMs: 5_000 },
      ],
    });
    const consuming = () => expect(this.log.slice(begun).join('\n')).toMatch(/consuming guest-consumer\./);
    await eventually(consuming, PATIENCE);
  }

  /** By SIGTERM; undefined when it was never started. */
  async stop(): Promise<ProcessExit | undefined> {
    return this.#process?.stop();
  }

  /** By SIGKILL. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.exited;
  }

  async report<T>(): Promise<T> {
    const { code, output, errors } = await this.run(['--report']);
    expect([code, errors]).toEqual([0, '']);
    return JSON.parse(output) as T;
  }

  lines(pattern: RegExp): string[] {
    return this.log.filter((line) => pattern.test(line));
  }
}

interface Sale {
  sku: string;
  currency: string;
  pieces: number;
  revenue: number;
}

interface CustomerList {
  customers: { id: string; registeredAt: string | null; confirmed: number; rejected: number }[];
  orders: { id: string; customerId: string; lastType: string }[];
}

async function piecesSold(sku: string): Promise<number> {
  const sales = await python3.report<Sale[]>();
  return sales.find((sale) => sale.sku === sku)?.pieces ?? 0;
}

async function rowOf({ id }: Customer) {
  const { customers } = await node.report<CustomerList>();
  return customers.find((customer) => customer.id === id);
}

async function orderConfirmed(customer: Customer, quantity: number): Promise<string> {
  const id = await customer.placeOrder([{ sku: 'SKU-TEAPOT', quantity }]);
  await eventually(async () => expect((await customer.order(id)).status).toBe('confirmed'));
  return id;
}

async function depthOf(queue: string): Promise<number> {
  const connection = await connect(sut.system.endpoints.amqpAdmin);
  try {
    const channel = await connection.createChannel();
    return (await channel.checkQueue(queue)).messageCount;
  } finally {
    await connection.close();
  }
}

/** Messages that were delivered and not acknowledged, or not delivered yet. */
async function waiting(): Promise<number[]> {
  const management = new ManagementApi(sut.system.endpoints.amqpManagement);
  const vhost = encodeURIComponent(sut.system.provisioned.vhost);
  return Promise.all(
    ['guest-consumer.sales', 'guest-consumer.customers'].map(async (queue) => {
      const { messages } = await management.call<{ messages?: number }>('GET', `/queues/${vhost}/${queue}`);
      return messages ?? NaN;
    }),
  );
}

/** Locks an SQLite database until it is stopped. */
async function lock(file: string): Promise<ManagedProcess> {
  const script = `
    const db = new (require('node:sqlite').DatabaseSync)(${JSON.stringify(join(directory, file))}, { timeout: 10000 });
    db.exec('BEGIN EXCLUSIVE');
    console.log('locked');
    setInterval(() => undefined, 1000);`;
  const { NODE_OPTIONS: _, ...env } = process.env;
  const lines: string[] = [];
  const held = await startProcess({
    command: process.execPath,
    args: ['-e', script],
    env,
    output: { onLine: (line) => lines.push(line) },
    stop: [{ signal: 'SIGTERM', patienceMs: 5_000 }],
  });
  await eventually(() => expect(lines).toContain('locked'));
  return held;
}

describe('the consumers, in Python and in Node', () => {
  beforeAll(async () => {
    await Promise.all([python3.start(), node.start()]);
  }, 90_000);

  it('see what customers do through the gateway, each event once in effect', async () => {
    const orders = await captureMessages(sut.system.endpoints.amqp, 'orders.events', '#');
    const users = await captureMessages(sut.system.endpoints.amqp, 'users.events', '#');
    const customer = await sut.api.newCustomer();
    const id = await orderConfirmed(customer, 3);
    await customer.placeOrder([{ sku: 'SKU-SOLD-OUT', quantity: 1 }]);

    await eventually(async () => expect(await piecesSold('SKU-TEAPOT')).toBe(3), PATIENCE);
    const { total } = await customer.order(id);
    expect(await python3.report()).toEqual([
      { sku: 'SKU-TEAPOT', currency: total!.currency, pieces: 3, revenue: total!.amount },
    ]);
    await eventually(
      async () =>
        expect(await rowOf(customer)).toEqual({
          id: customer.id,
          registeredAt: expect.any(String),
          confirmed: 1,
          rejected: 1,
        }),
      PATIENCE,
    );

    // Once more from the wire, as after a confirm that was lost.
    const heard = ['order.placed.v1', 'order.confirmed.v1', 'order.rejected.v1', 'user.registered.v1'];
    const again = [...orders.all, ...users.all].filter(({ routingKey }) => heard.includes(routingKey));
    expect(again.length).toBeGreaterThanOrEqual(4);
    for (const { exchange, routingKey, body } of again) {
      await publishRaw(sut.system.endpoints.amqpAdmin, exchange, routingKey, body);
    }
    await Promise.all([orders.close(), users.close()]);
    await eventually(() => {
      expect(python3.lines(/known already/)).toHaveLength(1);
      expect(node.lines(/known already/)).toHaveLength(again.length);
    }, PATIENCE);
    expect(await piecesSold('SKU-TEAPOT')).toBe(3);
    expect(await rowOf(customer)).toMatchObject({ confirmed: 1, rejected: 1 });
  });

  it('reject what is malformed once, into their dead-letter queues, and go on', async () => {
    const envelope = (type: string, data: unknown) => ({
      specversion: '1.0',
      id: uuidv7(),
      source: '/test',
      type,
      sequence: '0000000001',
      data,
    });
    const bad = [
      'not json at all',
      Buffer.from([0xff, 0xfe, 0x00]),
      '['.repeat(100_000),
      '{"specversion":"1.0"}',
      envelope('order.placed.v1', { lines: 'none' }),
      envelope('order.invented.v1', {}),
      envelope('order.placed.v1', []),
    ];
    expect(bad).toHaveLength(MALFORMED);
    const queues = ['guest-consumer.sales', 'guest-consumer.customers'];
    for (const queue of queues) {
      for (const body of bad) await publishRaw(sut.system.endpoints.amqpAdmin, '', queue, body);
    }
    for (const queue of queues) {
      await eventually(async () =>
        expect([queue, await depthOf(`${queue}.dead`)]).toEqual([queue, bad.length]),
      );
    }
    const sold = await piecesSold('SKU-TEAPOT');
    const customer = await sut.api.newCustomer();
    await orderConfirmed(customer, 2);

    await eventually(async () => expect(await piecesSold('SKU-TEAPOT')).toBe(sold + 2), PATIENCE);
    await eventually(async () => expect(await rowOf(customer)).toMatchObject({ confirmed: 1 }), PATIENCE);
    for (const example of [python3, node]) expect(example.lines(/rejected: /)).toHaveLength(bad.length);
    for (const queue of queues) expect(await depthOf(queue)).toBe(0);
  });

  it('connect again after the broker closed their connections, and after their queue was deleted', async () => {
    const { amqpAdmin, amqpManagement, amqp } = sut.system.endpoints;
    const management = new ManagementApi(amqpManagement);
    const user = decodeURIComponent(new URL(amqp).username);
    const begun = [python3, node].map((example) => example.lines(/consuming/).length);
    const again = (times: number) =>
      eventually(
        () =>
          expect([python3, node].map((example) => example.lines(/consuming/).length)).toEqual(
            begun.map((count) => count + times),
          ),
        PATIENCE,
      );
    // The management API learns of a connection some seconds after it was opened.
    await eventually(async () => {
      const connections = await management.call<{ name: string; user: string }[]>('GET', '/connections');
      const theirs = connections.filter((connection) => connection.user === user);
      expect(theirs).toHaveLength(2);
      for (const { name } of theirs) {
        await management.call('DELETE', `/connections/${encodeURIComponent(name)}`);
      }
    }, PATIENCE);
    await again(1);

    const connection = await connect(amqpAdmin);
    const channel = await connection.createChannel();
    for (const queue of ['guest-consumer.sales', 'guest-consumer.customers'])
      await channel.deleteQueue(queue);
    await connection.close();
    await again(2);

    const sold = await piecesSold('SKU-TEAPOT');
    const customer = await sut.api.newCustomer();
    await orderConfirmed(customer, 1);
    await eventually(async () => expect(await piecesSold('SKU-TEAPOT')).toBe(sold + 1), PATIENCE);
    await eventually(async () => expect(await rowOf(customer)).toMatchObject({ confirmed: 1 }), PATIENCE);
  });

  it('stop on SIGTERM with code 0, and have what happened meanwhile when they are back', async () => {
    const sold = await piecesSold('SKU-TEAPOT');
    for (const example of [python3, node]) {
      expect(await example.stop()).toEqual({ code: 0, signal: null });
      expect(example.log.at(-1)).toMatch(/stopped$/);
    }
    const customer = await sut.api.newCustomer();
    await orderConfirmed(customer, 4);

    await Promise.all([python3.start(), node.start()]);
    await eventually(async () => expect(await piecesSold('SKU-TEAPOT')).toBe(sold + 4), PATIENCE);
    await eventually(
      async () =>
        expect(await rowOf(customer)).toMatchObject({ registeredAt: expect.any(String), confirmed: 1 }),
      PATIENCE,
    );
  });
});

describe('the consumers, when something goes wrong', () => {
  it('are killed in the middle, and have counted each event once when they are back', async () => {
    const sold = await piecesSold('SKU-TEAPOT');
    const counted = [python3, node].map((example) => example.lines(/counted/).length);
    const customer = await sut.api.newCustomer();
    for (let n = 0; n < 10; n += 1) {
      await customer.placeOrder([{ sku: 'SKU-TEAPOT', quantity: 1 }]);
      if (n !== 4) continue;
      await eventually(() =>
        [python3, node].forEach((example, index) =>
          expect(example.lines(/counted/).length).toBeGreaterThan(counted[index]!),
        ),
      );
      await Promise.all([python3.kill(), node.kill()]);
    }

    await Promise.all([python3.start(), node.start()]);
    await eventually(async () => expect(await rowOf(customer)).toMatchObject({ confirmed: 10 }), PATIENCE);
    await eventually(async () => expect(await piecesSold('SKU-TEAPOT')).toBe(sold + 10), PATIENCE);
    await eventually(async () => expect(await waiting()).toEqual([0, 0]));
    expect(await piecesSold('SKU-TEAPOT')).toBe(sold + 10);
    expect(await rowOf(customer)).toMatchObject({ confirmed: 10 });
  });

  it('hold a message while their database is locked, and count it afterwards', async () => {
    const sold = await piecesSold('SKU-TEAPOT');
    const locks = await Promise.all(['sales.sqlite', 'customers.sqlite'].map((file) => lock(file)));
    const customer = await sut.api.newCustomer();
    await orderConfirmed(customer, 2);
    await eventually(
      () =>
        [python3, node].forEach((example) =>
          expect(example.lines(/waits .* for the database: .*locked/)).not.toHaveLength(0),
        ),
      PATIENCE,
    );
    await Promise.all(locks.map((held) => held.stop()));

    await eventually(async () => expect(await piecesSold('SKU-TEAPOT')).toBe(sold + 2), PATIENCE);
    await eventually(async () => expect(await rowOf(customer)).toMatchObject({ confirmed: 1 }), PATIENCE);
    for (const queue of ['guest-consumer.sales.dead', 'guest-consumer.customers.dead'])
      expect(await depthOf(queue)).toBe(MALFORMED);
  });
});

describe('the producer, in Python', () => {
  it('orders for a customer: the order is confirmed, in its view, and counted by the consumers, once', async () => {
    const customer = await sut.api.newCustomer();
    const sold = await piecesSold('SKU-TEAPOT');
    const order = ['--customer', customer.id, '--line', 'SKU-TEAPOT=5'];
    const { code, output, errors } = await producer.run(order);
    expect([code, errors]).toEqual([0, '']);
    const { orderId, messageId } = JSON.parse(output) as { orderId: string; messageId: string };
    await eventually(async () => expect((await customer.order(orderId)).status).toBe('confirmed'));
    expect((await customer.order(orderId)).lines).toMatchObject([{ sku: 'SKU-TEAPOT', quantity: 5 }]);

    expect(await producer.run([...order, '--id', messageId, '--order-id', orderId])).toMatchObject({
      code: 0,
      output,
    });
    await orderConfirmed(customer, 1); // comes after it
    await eventually(async () => expect(await piecesSold('SKU-TEAPOT')).toBe(sold + 6), PATIENCE);
    await eventually(async () => expect(await rowOf(customer)).toMatchObject({ confirmed: 2 }), PATIENCE);
  });

  it.each([
    [
      'a quantity that the schema refuses',
      'SKU-TEAPOT=0',
      /lines\[0\]\.quantity: 0 is less than the minimum of 1/,
    ],
    ['a SKU with a line feed at its end', 'SKU-TEAPOT\n=1', /lines\[0\]\.sku: .* does not match/],
  ])('sends nothing that the contract does not allow: %s', async (_what, line, message) => {
    const { code, output, errors } = await producer.run(['--customer', uuidv7(), '--line', line]);
    expect([code, output, errors]).toEqual([3, '', expect.stringMatching(message)]);
  });

  it('says which user to take when it is run as one that may not send', async () => {
    const { code, errors } = await producer.run(['--customer', uuidv7(), '--line', 'SKU-TEAPOT=1'], {
      WARREN_AMQP_URL: sut.system.endpoints.amqp,
    });
    expect([code, errors]).toEqual([3, expect.stringContaining('use the user guest-producer')]);
  });
});

describe('every example', () => {
  const examples = () => [python3, producer, node];

  it('explains itself with --help', async () => {
    for (const example of examples()) {
      const { code, output } = await example.run(['--help']);
      expect([code, output]).toEqual([0, expect.stringContaining('WARREN_AMQP_URL')]);
    }
  });

  it('says what is wrong with its call, and ends with 2', async () => {
    const order = (example: ExampleCommand) =>
      example === producer ? ['--customer', uuidv7(), '--line', 'SKU-TEAPOT=1'] : [];
    for (const example of examples()) {
      for (const [args, environment, said] of [
        [['--no-such-option'], {}, 'no-such-option'],
        [order(example), { WARREN_AMQP_URL: '' }, 'set WARREN_AMQP_URL'],
        [order(example), { WARREN_AMQP_URL: 'nonsense' }, 'must look like amqp://'],
        [[...order(example), '--gateway', 'localhost'], {}, 'must begin with http://'],
      ] as const) {
        const { code, errors } = await example.run([...order(example), ...args], environment);
        expect([code, errors]).toEqual([2, expect.stringContaining(said)]);
      }
    }
  });

  it('ends with an error that names the mend when the broker does not let it in', async () => {
    const url = new URL(sut.system.endpoints.amqp);
    url.password = 'wrong';
    const wrong = { WARREN_AMQP_URL: url.href };
    for (const example of examples()) {
      const order = example === producer ? ['--customer', uuidv7(), '--line', 'SKU-TEAPOT=1'] : [];
      const { code, errors } = await example.run(order, wrong);
      expect([code, errors]).toEqual([
        example === producer ? 3 : 1,
        expect.stringContaining('check WARREN_AMQP_URL'),
      ]);
    }
  });
});
