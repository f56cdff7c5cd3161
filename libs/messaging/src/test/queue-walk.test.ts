import { eventually } from '@warren/testing';
import { connect } from 'amqplib';
import { lookThrough } from '../dead-letters/look-through.ts';
import { QueueWalk } from '../dead-letters/queue-walk.ts';
import { ReadingInterrupted } from '../dead-letters/queue-counts.ts';
import { DeadLetterBench } from './dead-letter-bench.ts';

const QUEUE = 'track-service.parcels.dead';
const bench = new DeadLetterBench();
beforeEach(() => bench.open());
afterEach(() => bench.close());

async function lookedAt(options: { limit?: number } = {}): Promise<string[]> {
  const ids: string[] = [];
  await lookThrough(bench.model, QUEUE, {
    visit: ({ properties }) => ids.push(properties.messageId as string),
    ...options,
  });
  return ids;
}

describe('a look through a queue', () => {
  it('shows every message, and leaves them where they were, however often', async () => {
    const ids = await bench.bury(3_000);
    for (let look = 0; look < 3; look += 1) expect(await lookedAt()).toEqual(ids);
    expect(await bench.idsIn(QUEUE)).toEqual(ids);
  });

  it('ends at once with an empty queue', async () => {
    expect(await lookedAt()).toEqual([]);
  });

  it('shows the first ones only, when that is asked for', async () => {
    const ids = await bench.bury(50);
    for (let look = 0; look < 2; look += 1) {
      expect(await lookedAt({ limit: 10 })).toEqual(ids.slice(0, 10));
    }
    expect(await lookedAt()).toEqual(ids);
  });

  it('does not go on with what comes after it began', async () => {
    await bench.bury(10);
    let visited = 0;
    await lookThrough(bench.model, QUEUE, {
      visit: () => {
        visited += 1;
        void bench.bury(1);
      },
    });
    expect(visited).toBe(10);
    await eventually(async () => expect(await bench.ready(QUEUE)).toBe(20));
  });

  it('hands on what the visitor throws, with all messages given back', async () => {
    const ids = await bench.bury(20);
    const visit = () => {
      throw new Error('seen enough');
    };
    await expect(lookThrough(bench.model, QUEUE, { visit })).rejects.toThrow('seen enough');
    expect(await bench.idsIn(QUEUE)).toEqual(ids);
  });

  it('names the queue that is not there', async () => {
    await expect(lookThrough(bench.model, 'nowhere.dead', { visit: () => undefined })).rejects.toThrow(
      /nowhere\.dead is not available.*NOT.FOUND/,
    );
  });
});

describe('a walk through a queue', () => {
  it('takes what is to be taken, and gives back the rest in its order', async () => {
    const ids = await bench.bury(2_500);
    const walk = await QueueWalk.open(bench.model, QUEUE);
    const held: string[] = [];
    for (let message = await walk.next(); message; message = await walk.next()) {
      // Long stretches of either, so that windows fill up, and some of both.
      const n = held.length + walk.walked;
      if (n % 1_000 > 700 || n % 7 === 0) walk.take(message);
      else {
        walk.hold();
        held.push(message.properties.messageId as string);
      }
    }
    expect(walk.walked).toBe(ids.length);
    await walk.close();
    expect(held.length).toBeGreaterThan(600);
    expect(await bench.idsIn(QUEUE)).toEqual(held);
  });

  it('gives back what was waiting for its turn, too, and keeps the order when it ends early', async () => {
    const ids = await bench.bury(1_200);
    for (let n = 0; n < 3; n += 1) {
      const walk = await QueueWalk.open(bench.model, QUEUE);
      walk.take((await walk.next())!);
      await walk.next();
      walk.hold();
      await walk.close();
    }
    expect(await lookedAt()).toEqual(ids.slice(3));
    expect(await bench.idsIn(QUEUE)).toEqual(ids.slice(3));
  });

  it('ends when somebody else has taken the rest', async () => {
    await bench.bury(300);
    const other = await connect(bench.broker.url);
    const channel = await other.createChannel();
    const walk = await QueueWalk.open(bench.model, QUEUE);
    await walk.next();
    await channel.consume(QUEUE, (message) => message && channel.ack(message));
    let walked = 1;
    for (let message = await walk.next(); message; message = await walk.next()) {
      walk.take(message);
      walked += 1;
    }
    expect(walked).toBeLessThanOrEqual(300);
    await walk.close();
    await other.close();
  });

  it('says so when its channel is gone, and leaves nothing in hand', async () => {
    const ids = await bench.bury(10);
    const model = await connect(bench.broker.url);
    model.on('error', () => undefined);
    const walk = await QueueWalk.open(model, QUEUE);
    await walk.next();
    await model.close();
    await expect(walk.next()).rejects.toBeInstanceOf(ReadingInterrupted);
    await walk.close();
    await eventually(async () => expect(await bench.idsIn(QUEUE)).toEqual(ids));
  });

  it('says so when its queue is deleted', async () => {
    await bench.bury(2);
    const walk = await QueueWalk.open(bench.model, QUEUE);
    await walk.next();
    walk.hold();
    await bench.broker.management.call('DELETE', `/queues/${bench.broker.vhost}/${QUEUE}`);
    await eventually(() => expect(walk.live).toBe(false));
    await expect(walk.next()).rejects.toThrow(/deleted/);
    await walk.close();
  });
});
