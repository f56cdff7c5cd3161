import { InvalidData, MalformedEnvelope } from '@warren/contracts';
import { BrokerUnavailable, DependencyUnavailable, DuplicateMessage, PermanentFailure } from '../errors.ts';
import { cutToBytes, deadLetterHeaders, failureHeaders } from './failure-headers.ts';
import { jitteredDelay, outcomeOf } from './retry-policy.ts';

const consumer = {
  attempts: 4,
  retryTiers: [
    { delayMs: 5_000, queue: 'q.retry.5s' },
    { delayMs: 30_000, queue: 'q.retry.30s' },
  ],
};

const coded = (message: string, code: string) => Object.assign(new Error(message), { code });

describe('what an error means for its message', () => {
  it.each([
    ['a plain error, first time', new Error('x'), 0, { kind: 'retry', tier: 0 }],
    ['a plain error, second time', new Error('x'), 1, { kind: 'retry', tier: 1 }],
    ['a plain error beyond the last tier', new Error('x'), 2, { kind: 'retry', tier: 1 }],
    ['a plain error at the last attempt', new Error('x'), 3, { kind: 'dead', reason: 'attempts-exhausted' }],
    ['something that is no error', 'x', 0, { kind: 'retry' }],
    ['a permanent failure', new PermanentFailure('x'), 0, { kind: 'dead', reason: 'permanent-failure' }],
    ['a body that is no envelope', new MalformedEnvelope('x'), 0, { kind: 'dead', reason: 'malformed' }],
    ['data against its contract', new InvalidData('t', []), 0, { kind: 'dead', reason: 'invalid' }],
    ['a duplicate', new DuplicateMessage('id', 'q'), 0, { kind: 'duplicate' }],
    [
      'a dependency that is away, at the last attempt',
      new DependencyUnavailable('smtp'),
      3,
      { kind: 'unavailable' },
    ],
    ['a broker that is away', new BrokerUnavailable('x'), 0, { kind: 'unavailable' }],
    ['a database that refuses connections', coded('x', 'ECONNREFUSED'), 3, { kind: 'unavailable' }],
    ['a database that shuts down', coded('x', '57P01'), 3, { kind: 'unavailable' }],
    ['a full disk', coded('x', '53100'), 3, { kind: 'unavailable' }],
    ['a lost connection', new Error('Connection terminated unexpectedly'), 3, { kind: 'unavailable' }],
    [
      'a lost connection inside another error',
      new Error('query', { cause: coded('x', 'ECONNRESET') }),
      3,
      { kind: 'unavailable' },
    ],
    ['a violated constraint', coded('x', '23514'), 0, { kind: 'retry' }],
  ])('%s', (_what, thrown, failedBefore, outcome) => {
    expect(outcomeOf(thrown, failedBefore, consumer)).toMatchObject(outcome);
  });

  it('waits for the tier and at most a quarter longer', () => {
    expect(jitteredDelay(1_000, () => 0)).toBe(1_000);
    expect(jitteredDelay(1_000, () => 0.999_999)).toBe(1_250);
  });
});

describe('headers of a failure', () => {
  it('are cut between characters, and short ones are left alone', () => {
    expect(cutToBytes('äöü', 6)).toBe('äöü');
    expect(Buffer.byteLength(cutToBytes('ä'.repeat(50), 20))).toBeLessThanOrEqual(20);
    expect(cutToBytes('😀'.repeat(50), 20)).toBe('😀😀😀😀…');
  });

  it('fit into the frame, whatever was thrown', () => {
    const error = new Error('x'.repeat(1 << 20));
    error.name = 'y'.repeat(1 << 20);
    error.stack = 'z'.repeat(1 << 20);
    const history = { failedAttempts: 1, firstFailureAt: undefined, exchange: 'e', routingKey: 'k' };
    const headers = { ...failureHeaders('q', history, error, 2), ...deadLetterHeaders('invalid', error) };
    expect(Buffer.byteLength(JSON.stringify(headers))).toBeLessThan(12_288);
  });

  it('keep the time of the first failure', () => {
    const history = {
      failedAttempts: 1,
      firstFailureAt: '2026-01-01T00:00:00.000Z',
      exchange: 'e',
      routingKey: 'k',
    };
    const headers = failureHeaders('q', history, new Error('x'), 2, new Date('2026-01-02T00:00:00Z'));
    expect(headers).toMatchObject({
      'x-warren-first-failure-at': '2026-01-01T00:00:00.000Z',
      'x-warren-last-failure-at': '2026-01-02T00:00:00.000Z',
      'x-warren-failed-attempts': 2,
    });
  });
});
