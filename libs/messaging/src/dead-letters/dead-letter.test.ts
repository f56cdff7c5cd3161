import type { ConsumeMessage } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { DeadLetter } from './dead-letter.ts';
import { matchesLetter, type DeadLetterFilter } from './filter.ts';
import { redriveMessage } from './redrive-message.ts';
import { DeadLetterCounter } from './summary.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ago = (ms: number) => new Date(NOW - ms).toISOString();

const ourHeaders = {
  'x-warren-reason': 'attempts-exhausted',
  'x-warren-queue': 'track-service.parcels',
  'x-warren-exchange': 'parcels.events',
  'x-warren-routing-key': 'parcel.moved.v1',
  'x-warren-failed-attempts': 3,
  'x-warren-first-failure-at': ago(3 * HOUR),
  'x-warren-last-failure-at': ago(2 * HOUR),
  'x-warren-error-class': 'Error',
  'x-warren-error-message': 'the crane is stuck',
  'x-warren-error-stack': 'Error: the crane is stuck\n    at …',
};

function letter(
  headers: Record<string, unknown> = ourHeaders,
  body: string | object = {},
  properties: object = {},
): DeadLetter {
  const content = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const message = { content, fields: {}, properties: { headers, ...properties } } as unknown;
  return new DeadLetter(message as ConsumeMessage, 'track-service.parcels.dead');
}

const byBroker = (reason: string, queue = 'track-service.parcels') => ({
  reason,
  queue,
  count: 1,
  exchange: 'parcels.events',
  time: { '!': 'timestamp', value: (NOW - HOUR) / 1_000 },
});

describe('a dead letter', () => {
  it('tells what the consumer wrote down', () => {
    const dead = letter();
    expect(dead).toMatchObject({
      queue: 'track-service.parcels',
      reason: 'attempts-exhausted',
      failedAttempts: 3,
      diedAt: new Date(NOW - 2 * HOUR),
      firstFailureAt: new Date(NOW - 3 * HOUR),
      error: { name: 'Error', message: 'the crane is stuck' },
      redriven: undefined,
      misplacedFrom: undefined,
    });
  });

  it('has the reason of the broker when the broker gave up, not that of a wait queue before', () => {
    const deaths = [byBroker('expired', 'track-service.parcels.retry.5s'), byBroker('delivery_limit')];
    const dead = letter({ 'x-death': deaths });
    expect(dead).toMatchObject({ reason: 'delivery_limit', diedAt: new Date(NOW - HOUR) });
  });

  it('is known by its message id, else by the id in its envelope, else by its body', () => {
    expect(letter({}, { id: 'b' }, { messageId: 'a' }).id).toBe('a');
    expect(letter({}, { id: 'b' }).id).toBe('b');
    expect(letter({}, 'no JSON').id).toMatch(/^sha256:[0-9a-f]{16}$/);
  });

  it.each([
    ['null', 'null'],
    ['a list', '[1]'],
    ['bytes that are no text', '\u0000\ufffd'],
    ['headers of other types', '{"id":7,"type":{},"time":false}'],
  ])('can be anything: %s', (_what, body) => {
    const dead = letter({ 'x-warren-reason': 7, 'x-death': 'x', 'x-warren-queue': {} }, body);
    expect(dead).toMatchObject({
      type: '(none)',
      reason: '(none)',
      diedAt: undefined,
      knownSince: undefined,
    });
  });

  it('is misplaced when its headers name another queue', () => {
    expect(letter({ ...ourHeaders, 'x-warren-queue': 'mail-service.mails' }).misplacedFrom).toBe(
      'mail-service.mails',
    );
  });

  it.each([
    ['died and was made days ago', uuidv7({ msecs: NOW - 5 * DAY }), false],
    ['was made more than 30 days ago, whenever it died', uuidv7({ msecs: NOW - 31 * DAY }), true],
  ])('is in reach of the inbox or not: %s', (_what, id, beyond) => {
    expect(letter(ourHeaders, { id }).isBeyondInbox(NOW)).toBe(beyond);
  });

  it('is taken for too old when nothing tells its age', () => {
    expect(letter({}).isBeyondInbox(NOW)).toBe(true);
  });
});

describe('a redriven message', () => {
  it('starts anew, tells of the redrive, and keeps what it came with', () => {
    const dead = letter(
      { ...ourHeaders, traceparent: '00-1', 'x-warren-times-redriven': 1, 'x-warren-redrive': 'before' },
      { id: 'a' },
      { messageId: 'a', type: 'parcel.moved.v1', expiration: '5000' },
    );
    const message = redriveMessage(dead, 'track-service.requeue', 'this', new Date(NOW));
    expect(message).toMatchObject({
      exchange: 'track-service.requeue',
      routingKey: 'track-service.parcels',
      mandatory: true,
      properties: { messageId: 'a', type: 'parcel.moved.v1' },
    });
    expect(message.body).toBe(dead.message.content);
    expect(message.properties.expiration).toBeUndefined();
    expect(message.properties.headers).toEqual({
      traceparent: '00-1',
      'x-warren-queue': 'track-service.parcels',
      'x-warren-exchange': 'parcels.events',
      'x-warren-routing-key': 'parcel.moved.v1',
      'x-warren-first-failure-at': ourHeaders['x-warren-first-failure-at'],
      'x-warren-redrive': 'this',
      'x-warren-redriven-at': new Date(NOW).toISOString(),
      'x-warren-times-redriven': 2,
    });
  });

  it('takes no headers along by which the broker would route it elsewhere, or believe it dead', () => {
    const dead = letter({ CC: ['mail-service.mails'], BCC: ['x'], 'x-death': [byBroker('rejected')] });
    const { headers } = redriveMessage(dead, 'track-service.requeue', 'this').properties;
    expect(Object.keys(headers!).filter((name) => /^(B?CC|x-death)$/.test(name))).toEqual([]);
  });
});

describe('a filter', () => {
  const dead = letter(ourHeaders, { id: 'a' }, { type: 'parcel.moved.v1' });
  it.each<[string, DeadLetterFilter, boolean]>([
    ['nothing', {}, true],
    ['the queue', { queues: ['track-service.parcels'] }, true],
    ['another queue', { queues: ['track-service.others'] }, false],
    ['a pattern of queues', { queues: ['x', 'track-*'] }, true],
    ['a dot that stands for itself', { queues: ['track-service?parcel*', 'track.service*'] }, false],
    ['the reason', { reasons: ['attempts-exhausted'] }, true],
    ['another reason', { reasons: ['invalid'] }, false],
    ['a pattern of types', { types: ['parcel.*.v1'] }, true],
    ['the id', { ids: ['b', 'a'] }, true],
    ['another id', { ids: ['b'] }, false],
    ['a lower bound of age', { olderThanMs: HOUR }, true],
    ['a lower bound beyond its age', { olderThanMs: 3 * HOUR }, false],
    ['an upper bound of age', { youngerThanMs: 3 * HOUR }, true],
    ['both bounds', { olderThanMs: HOUR, youngerThanMs: 2 * HOUR }, false],
    ['conditions of which one fails', { types: ['parcel.*'], reasons: ['invalid'] }, false],
  ])('by %s', (_what, filter, expected) => {
    expect(matchesLetter(filter, dead, NOW)).toBe(expected);
  });

  it('by age leaves out what has no time of death', () => {
    expect(matchesLetter({ olderThanMs: 1 }, letter({}), NOW)).toBe(false);
  });
});

describe('a summary', () => {
  it('counts by queue, reason and type, and by age', () => {
    const counter = new DeadLetterCounter(NOW);
    const id = () => uuidv7({ msecs: NOW - 4 * HOUR });
    counter.add(letter(ourHeaders, { id: id(), type: 'parcel.moved.v1' }));
    counter.add(
      letter(
        { ...ourHeaders, 'x-warren-last-failure-at': ago(60_000) },
        { id: id(), type: 'parcel.moved.v1' },
      ),
    );
    counter.add(
      letter({ ...ourHeaders, 'x-warren-reason': 'invalid' }, { id: id(), type: 'parcel.moved.v1' }),
    );
    counter.add(letter({}, 'garbage'));
    const { count, tooOld, groups } = counter.summary();
    expect([count, tooOld]).toEqual([4, 1]);
    expect(groups).toHaveLength(3);
    expect(groups[0]).toMatchObject({
      reason: 'attempts-exhausted',
      count: 2,
      ages: { 'under 1 h': 1, 'under 1 d': 1, older: 0 },
      oldest: ago(2 * HOUR),
      newest: ago(60_000),
    });
    expect(groups.find(({ reason }) => reason === '(none)')!.ages.unknown).toBe(1);
  });

  it("does not grow with types that are anybody's", () => {
    const counter = new DeadLetterCounter(NOW);
    for (let n = 0; n < 3_000; n += 1) counter.add(letter(ourHeaders, {}, { type: `type-${n}` }));
    const { groups, count } = counter.summary();
    expect(count).toBe(3_000);
    expect(groups).toHaveLength(1_001);
    expect(groups[0]).toMatchObject({ type: '(others)', count: 2_000 });
  });
});
