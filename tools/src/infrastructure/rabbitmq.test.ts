import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { eventually } from '@warren/testing';
import { connect } from 'amqplib';
import { cacheDirectory } from '../config.ts';
import { isAlive } from '../processes/process-control.ts';
import { removeRabbitMq, startRabbitMq, type RabbitMq } from './rabbitmq.ts';

// Only to find a start that hangs: a busy machine may take its time.
jest.setTimeout(240_000);

const QUEUE = 'kept';
let parent: string;
let directory: string;
const running: RabbitMq[] = [];

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'warren-rabbitmq-'));
  directory = join(parent, 'a directory with spaces');
});

afterAll(async () => {
  for (const node of running) {
    node.kill('SIGKILL');
    await node.exited;
  }
  await removeRabbitMq(directory);
  await rm(parent, { recursive: true });
});

async function start(): Promise<RabbitMq> {
  const node = await startRabbitMq({ directory, cacheDirectory: cacheDirectory() });
  running.push(node);
  return node;
}

/**
 * RabbitMQ 3.10 writes the list of its quorum queues half a second after it has confirmed that a queue was
 * declared, and never finds a leader for a queue that a kill in between has made it forget.
 */
async function untilRemembered(queue: string): Promise<void> {
  const list = join(directory, 'data/warren@localhost/quorum/warren@localhost/names.dets');
  await eventually(async () => expect(await readFile(list, 'latin1')).toContain(`%2F_${queue}`));
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    socket.once('connect', () => socket.end(() => resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

describe('startRabbitMq', () => {
  it('has its durable data, credentials and ports again after it was killed', async () => {
    const first = await start();
    const connection = await connect(first.amqpUrl);
    connection.on('error', () => undefined); // it is cut below
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await untilRemembered(QUEUE);
    channel.sendToQueue(QUEUE, Buffer.from('still here'), { persistent: true });
    await channel.waitForConfirms();
    first.kill('SIGKILL');
    await first.exited;

    const second = await start();
    expect(second.amqpUrl).toBe(first.amqpUrl);
    expect(second.managementUrl).toBe(first.managementUrl);
    const again = await connect(second.amqpUrl);
    const message = await (await again.createChannel()).get(QUEUE);
    expect(message && message.content.toString()).toBe('still here');
    await again.close();
  });

  it('is reached by rabbitmqctl, without epmd', async () => {
    const node = running.at(-1);
    expect(await node?.control('list_queues', '--quiet', 'name')).toContain(QUEUE);
  });

  it('listens on this machine only', async () => {
    const node = running.at(-1);
    // A server that listens on all addresses would answer here too.
    for (const port of Object.values(node?.ports ?? {})) {
      expect(await canConnect('127.0.0.1', port)).toBe(true);
      expect(await canConnect('127.0.0.2', port)).toBe(false);
    }
  });

  it('ends a node that is still running on its directory, and keeps its secrets to its owner', async () => {
    const [left] = running.slice(-1);
    const next = await start(); // as after a kill of the owner: nobody has stopped the one before

    expect(isAlive(left?.pid ?? 0)).toBe(false);
    expect(next.amqpUrl).toBe(left?.amqpUrl);
    for (const file of ['instance.json', 'conf/rabbitmq.conf', 'home/.erlang.cookie']) {
      expect((await stat(join(directory, file))).mode & 0o077).toBe(0);
    }
    await next.stop();
    expect(isAlive(next.pid)).toBe(false);
  });
});
