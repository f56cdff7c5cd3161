import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { jest } from '@jest/globals';
import { createTestBroker, eventually, type TestBroker } from '@warren/testing';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { ROOT } from '../config.ts';
import { run, type RunResult } from '../processes/run.ts';

const QUEUE = 'order-service.commands';
const DEAD = `${QUEUE}.dead`;

jest.setTimeout(240_000);
/** A process of its own has to start and connect first, on whatever machine. */
const PATIENTLY = { timeoutMs: 60_000 };

let broker: TestBroker;
let connection: ChannelModel;
let channel: ConfirmChannel;
let directory: string;

beforeAll(async () => {
  broker = await createTestBroker();
  connection = await connect(broker.url);
  channel = await connection.createConfirmChannel();
  expect((await command('topology', 'apply', 'order-service')).code).toBe(0);
});
afterAll(async () => {
  await connection.close();
  await broker.close();
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'warren-dead-letters-'));
  for (const queue of [QUEUE, DEAD]) await channel.purgeQueue(queue);
});
afterEach(() => rm(directory, { recursive: true }));

/** The command as npm runs it, on the broker that the environment names. */
function command(name: 'dead-letters' | 'topology', ...args: string[]): Promise<RunResult> {
  return run(process.execPath, [join(ROOT, `tools/src/commands/${name}.ts`), ...args], {
    env: environment(),
    allowFailure: true,
  });
}

const WITHOUT_BUILDING = `
  const { runDeadLetters } = await import(${JSON.stringify(pathToFileURL(join(ROOT, 'tools/src/dead-letters/run.ts')))});
  process.exitCode = await runDeadLetters(process.argv.slice(1));`;
const program = (...args: string[]) => ['--input-type=module', '-e', WITHOUT_BUILDING, '--', ...args];

/** The same without a build before each, which takes most of the time. */
function deadLetters(...args: string[]): Promise<RunResult> {
  return run(process.execPath, program(...args), { env: environment(), allowFailure: true });
}

function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, WARREN_AMQP_URL: broker.url, WARREN_AMQP_MANAGEMENT_URL: broker.managementUrl };
}

async function bury(count: number, reason = 'attempts-exhausted'): Promise<string[]> {
  const at = new Date().toISOString();
  const ids = Array.from({ length: count }, (_, n) => `${reason}-${n}`);
  for (const id of ids) {
    const body = { id, type: 'order.place.v1', time: at, data: { orderId: id } };
    channel.publish('order-service.dead-letter', QUEUE, Buffer.from(JSON.stringify(body)), {
      persistent: true,
      messageId: id,
      type: body.type,
      headers: {
        'x-warren-reason': reason,
        'x-warren-queue': QUEUE,
        'x-warren-first-failure-at': at,
        'x-warren-last-failure-at': at,
        'x-warren-error-class': 'Error',
        'x-warren-error-message': 'the \u001b[31mshelf\u001b[0m is stuck',
      },
    });
  }
  await channel.waitForConfirms();
  return ids;
}

const ready = async (queue: string) => (await channel.checkQueue(queue)).messageCount;

/** Takes all that is in a queue. */
async function drain(queue: string): Promise<string[]> {
  const ids: string[] = [];
  for (let got = await channel.get(queue); got; got = await channel.get(queue)) {
    ids.push(got.properties.messageId as string);
    channel.ack(got);
  }
  return ids;
}

describe('npm run dead-letters', () => {
  it('lists, shows, and leaves all in its place', async () => {
    await bury(12);
    await bury(1, 'invalid');
    const { output, code } = await command('dead-letters', 'list');
    expect(code).toBe(0);
    expect(output).toMatch(/order-service\.commands +attempts-exhausted +order\.place\.v1 +12/);
    expect(output).toContain('13 dead letters.');

    const each = await deadLetters('list', '--each', '--reason', 'invalid', '--json');
    expect(JSON.parse(each.output)).toMatchObject({ id: 'invalid-0', queue: QUEUE, reason: 'invalid' });

    const shown = await deadLetters('show', 'attempts-exhausted-7');
    expect(shown.output).toContain('"orderId": "attempts-exhausted-7"');
    expect(shown.output).toContain('Error: the ·[31mshelf·[0m is stuck'); // colors the terminal of nobody
    expect((await deadLetters('show', 'nowhere')).code).toBe(1);
    expect(await ready(DEAD)).toBe(13);
  });

  it('changes nothing unless somebody said yes, and says what it would do', async () => {
    await bury(3);
    const dry = await deadLetters('redrive', '--all', '--dry-run', '--json');
    expect(JSON.parse(dry.output)).toMatchObject({ dryRun: true, count: 3 });
    const unasked = await deadLetters('redrive', '--all');
    expect(unasked).toMatchObject({ code: 3, errors: expect.stringContaining('say --yes') });
    expect((await deadLetters('discard', '--all')).code).toBe(3);
    expect(await ready(DEAD)).toBe(3);
  });

  it('redrives to the queue that failed', async () => {
    const ids = await bury(5);
    const { code, output } = await command(
      'dead-letters',
      'redrive',
      ...ids.slice(1),
      '--no-ramp',
      '-y',
      '--json',
    );
    expect(code).toBe(0);
    const { queues } = JSON.parse(output) as { queues: { queue: string; redriven: number }[] };
    expect(queues.filter(({ redriven }) => redriven > 0)).toMatchObject([{ queue: QUEUE, redriven: 4 }]);
    expect(await drain(QUEUE)).toEqual(ids.slice(1));
    expect(await drain(DEAD)).toEqual(ids.slice(0, 1));
  });

  it('ends with 2 when a redrive stops by itself', async () => {
    await bury(2);
    const { code, output } = await deadLetters('redrive', '--queue', QUEUE, '-y');
    expect(code).toBe(2);
    expect(output).toMatch(/Stopped: nobody consumes order-service\.commands/);
  });

  it('discards into a file', async () => {
    await bury(2);
    const log = join(directory, 'discarded.jsonl');
    const { code, output } = await deadLetters('discard', '--all', '--yes', '--log', log);
    expect(code).toBe(0);
    expect(output).toContain(`2 dead letters discarded. All of them but secrets is in ${log}`);
    expect((await readFile(log, 'utf8')).trim().split('\n')).toHaveLength(2);
    expect(await ready(DEAD)).toBe(0);
  });

  it('shows no secret anywhere, and sends it again with the message', async () => {
    const token = 'tok_0815-v3ry-s3cret';
    const hidden = /s3cret/i;
    const data = { orderId: 'o-1', email: 'ada@example.com', paymentToken: token };
    const envelope = { id: 'm-json', type: 'order.place.v1', time: new Date().toISOString(), data };
    const bodies = {
      'm-json': JSON.stringify(envelope),
      'm-nested': JSON.stringify({ ...envelope, data: { note: JSON.stringify(data) } }),
      'm-list': JSON.stringify(['o-1', data]),
      'm-broken': JSON.stringify(envelope).slice(0, -9),
      'm-bytes': Buffer.concat([Buffer.from(JSON.stringify(data)), Buffer.from([0xff])]),
    };
    for (const [id, body] of Object.entries(bodies)) {
      channel.publish('order-service.dead-letter', QUEUE, Buffer.from(body), {
        persistent: true,
        ...{ messageId: id, type: 'order.place.v1' },
        headers: {
          ...{ 'x-warren-reason': 'permanent-failure', 'x-warren-queue': QUEUE },
          ...{ 'x-warren-error-class': 'PermanentFailure', 'x-warren-last-failure-at': envelope.time },
          'x-warren-error-message': `no use for {"paymentToken":"${token}"}`,
          'x-warren-error-stack': `at paymentToken=${token}`,
          authorization: `Bearer ${token}`,
        },
      });
    }
    await channel.waitForConfirms();
    const ids = Object.keys(bodies);
    const log = join(directory, 'discarded.jsonl');
    const said = [
      await deadLetters('list'),
      await deadLetters('list', '--json'),
      await deadLetters('list', '--each'),
      await deadLetters('list', '--each', '--json'),
      await deadLetters('show', ...ids),
      await deadLetters('show', ...ids, '--json'),
      await deadLetters('redrive', '--all', '--dry-run', '--json'),
      await deadLetters('redrive', 'm-json', '--no-ramp', '--force', '--yes', '--json'),
      await deadLetters('discard', ...ids.slice(1), '--yes', '--log', log, '--json'),
    ];
    expect(said.map(({ code, errors }) => ({ code, errors }))).toEqual(
      said.map(() => ({ code: 0, errors: '' })),
    );
    const shown = said[4]!.output;
    expect(shown).toContain('"paymentToken": "[redacted]"');
    expect(shown).toContain('"email": "ada@example.com"'); // its owner may be told
    for (const { output } of said) expect(output).not.toMatch(hidden);
    for (const line of said[5]!.output.trim().split('\n')) {
      const { bodyBase64 } = JSON.parse(line) as { bodyBase64?: string };
      expect(Buffer.from(bodyBase64 ?? '', 'base64').toString('latin1')).not.toMatch(hidden);
    }

    const kept = (await readFile(log, 'utf8')).trim().split('\n');
    const discarded = kept.map((line) => JSON.parse(line) as Record<string, string>);
    expect(discarded.map(({ id }) => id)).toEqual(ids.slice(1));
    for (const { redacted, body, bodyBase64 } of discarded) {
      expect(redacted).toBe(true);
      const all = body ?? Buffer.from(bodyBase64!, 'base64').toString('latin1');
      expect(all).toContain('o-1');
      expect(all).not.toMatch(hidden);
    }
    expect(kept.join('')).not.toMatch(hidden);

    const again = await channel.get(QUEUE, { noAck: true });
    expect(again && again.content.toString()).toBe(bodies['m-json']);
  });

  it('tells a queue that is not there from one without dead letters', async () => {
    const { code, errors } = await deadLetters('list', '--queue', 'order-service.comands');
    expect(code).toBe(1);
    expect(errors).toMatch(/No queue "order-service\.comands".*These have:\n {2}order-service\.commands/s);
  });

  it('loses nothing when it is killed again and again', async () => {
    const ids = await bury(600);
    const seen: string[] = [];
    for (let kill = 0; kill < 4; kill += 1) {
      const before = await ready(QUEUE);
      const args = ['redrive', '--all', '--yes', '--no-ramp', '--rate', '100'];
      const child = spawn(process.execPath, program(...args), { env: environment(), stdio: 'ignore' });
      const ended = once(child, 'exit');
      await eventually(async () => expect(await ready(QUEUE)).toBeGreaterThan(before + 20), PATIENTLY);
      child.kill('SIGKILL');
      await ended;
    }
    // What the last one had in hand comes back when the broker sees that its connection is gone.
    await eventually(async () => {
      seen.push(...(await drain(QUEUE)), ...(await drain(DEAD)));
      expect(new Set(seen)).toEqual(new Set(ids));
    });
    expect(seen.length - ids.length).toBeLessThan(4 * 100); // each kill doubles at most what was in flight
  });
});
