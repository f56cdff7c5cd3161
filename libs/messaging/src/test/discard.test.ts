import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeadLetters } from '../dead-letters/dead-letters.ts';
import { UnsafeToLook } from '../dead-letters/dead-letter-queues.ts';
import { BrokerUnavailable } from '../errors.ts';
import { DeadLetterBench } from './dead-letter-bench.ts';

const QUEUE = 'track-service.parcels';
const DEAD = `${QUEUE}.dead`;

const dead = new DeadLetterBench();
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'warren-discard-'));
  await dead.open();
});
afterEach(async () => {
  await dead.close();
  await rm(directory, { recursive: true });
});

async function linesOf(log: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(log, 'utf8');
  return text.split('\n').flatMap((line) => (line ? [JSON.parse(line) as Record<string, unknown>] : []));
}

describe('discarding dead letters', () => {
  it('takes those that are meant, keeps all of them in a file, and leaves the others as they were', async () => {
    const kept = await dead.bury(300, { reason: 'attempts-exhausted' });
    const discarded = await dead.bury(700, { reason: 'invalid' });
    kept.push(...(await dead.bury(10, { reason: 'attempts-exhausted' })));
    const log = join(directory, 'new', 'discarded.jsonl');
    const report = await dead.letters.discard({ reasons: ['invalid'] }, { log });
    expect(report.queues.find(({ queue }) => queue === QUEUE)).toEqual({ queue: QUEUE, discarded: 700 });
    expect(await dead.idsIn(DEAD)).toEqual(kept);
    const lines = await linesOf(log);
    expect(lines.map(({ id }) => id)).toEqual(discarded);
    expect(lines[0]).toMatchObject({
      queue: QUEUE,
      reason: 'invalid',
      type: 'parcel.moved.v1',
      properties: { messageId: discarded[0], headers: { 'x-warren-error-message': 'the crane is stuck' } },
    });
    expect(JSON.parse(lines[0]!['body'] as string)).toMatchObject({ id: discarded[0], data: { step: 0 } });
    expect((await stat(log)).mode & 0o777).toBe(0o600);
  });

  it('adds to a file that is there, and keeps bytes that are no text as they are', async () => {
    const log = join(directory, 'discarded.jsonl');
    await dead.bury(1);
    await dead.letters.discard({}, { log });
    const channel = await dead.model.createConfirmChannel();
    const bytes = Buffer.from([0xff, 0x00, 0xfe]);
    channel.publish('track-service.dead-letter', QUEUE, bytes, { persistent: true });
    await channel.waitForConfirms();
    await dead.letters.discard({}, { log });
    const [, second] = await linesOf(log);
    expect(Buffer.from(second!['bodyBase64'] as string, 'base64')).toEqual(bytes);
    expect(await dead.ready(DEAD)).toBe(0);
  });

  it('discards nothing when the file cannot be written', async () => {
    await dead.bury(3);
    await expect(dead.letters.discard({}, { log: directory })).rejects.toThrow(/EISDIR/);
    expect(await dead.ready(DEAD)).toBe(3);
  });

  it('keeps to the number of messages that it may discard', async () => {
    const ids = await dead.bury(5);
    await dead.letters.discard({}, { log: join(directory, 'log'), limit: 2 });
    expect(await dead.idsIn(DEAD)).toEqual(ids.slice(2));
  });
});

describe('looking at dead letters', () => {
  it('counts them by queue, reason, type and age, and shows single ones', async () => {
    await dead.bury(3, { reason: 'invalid' });
    const [id] = await dead.bury(1, { ageMs: 40 * 86_400_000, queue: 'orders', type: 'parcel.send.v1' });
    const summary = await dead.letters.summarize({});
    expect(summary).toMatchObject({ count: 4, tooOld: 1, misplaced: 0 });
    expect(summary.groups).toMatchObject([
      { queue: 'track-service.orders', type: 'parcel.send.v1', count: 1, ages: { older: 1 } },
      { queue: QUEUE, reason: 'invalid', count: 3, ages: { 'under 1 h': 3 } },
    ]);
    const shown: string[] = [];
    expect(await dead.letters.look({ ids: [id!] }, (letter) => shown.push(letter.id))).toBe(1);
    expect(shown).toEqual([id]);
  });

  it('is refused where it would use up the deliveries of a message', async () => {
    const channel = await dead.model.createChannel();
    const few = { 'x-queue-type': 'quorum', 'x-delivery-limit': 20 };
    await channel.assertQueue('mail-service.mails.dead', { durable: true, arguments: few });
    await expect(dead.letters.summarize({})).rejects.toBeInstanceOf(UnsafeToLook);
    await expect(dead.letters.summarize({})).rejects.toThrow(
      /mail-service\.mails\.dead.*after 20 deliveries/,
    );
    expect((await dead.letters.summarize({ queues: [QUEUE] })).count).toBe(0);
  });

  it('says why it cannot, when the broker is away or refuses', async () => {
    const { managementUrl, url } = dead.broker;
    const away = new URL(url);
    away.port = '1';
    const open = (brokerUrl: string) => DeadLetters.open({ brokerUrls: [brokerUrl], managementUrl });
    await expect(open(away.href)).rejects.toBeInstanceOf(BrokerUnavailable);
    const refused = new URL(url);
    refused.password = 'wrong';
    await expect(open(refused.href)).rejects.toThrow(/ACCESS.REFUSED/);
  });
});
