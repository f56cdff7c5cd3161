import { InvalidData } from '@warren/contracts';
import { DependencyUnavailable, PermanentFailure } from '../errors.ts';
import { JobBreaker } from './job-breaker.ts';
import { jobOutcomeOf, LeaseLost, TimeLimitExceeded, WorkerStopped } from './job-outcome.ts';

const delays = [100, 1_000];
const job = { attempt: 1, attempts: 4, postponed: 0 };

describe('what an error means for its job', () => {
  it('is another try after the delay of its attempt and up to a quarter more', () => {
    for (const [attempt, delay] of [
      [1, 100],
      [2, 1_000],
      [3, 1_000],
    ] as const) {
      const outcome = jobOutcomeOf(new Error('stuck'), { ...job, attempt }, delays);
      expect(outcome).toMatchObject({ kind: 'retry', error: { message: 'stuck' } });
      const { delayMs } = outcome as { delayMs: number };
      expect(delayMs).toBeGreaterThanOrEqual(delay);
      expect(delayMs).toBeLessThanOrEqual(delay * 1.25);
    }
  });

  it.each([
    ['the last attempt', new Error('stuck'), 4],
    ['a permanent failure', new PermanentFailure('lost'), 1],
    ['a payload that is not allowed', new InvalidData('crates.move', []), 1],
    ['a time limit, at the last attempt', new TimeLimitExceeded('crates.move', 1_000), 4],
  ])('is a failure for good with %s', (_what, error, attempt) => {
    expect(jobOutcomeOf(error, { ...job, attempt }, delays)).toEqual({ kind: 'failed', error });
  });

  it.each([
    ['a dependency', new DependencyUnavailable('smtp')],
    ['the database', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })],
  ])('is no attempt when %s is away, and a longer wait each time', (_what, error) => {
    const last = { attempt: 4, attempts: 4 };
    const [first, second, tenth] = [0, 1, 10].map((postponed) =>
      jobOutcomeOf(error, { ...last, postponed }, delays),
    );
    for (const [outcome, delay] of [
      [first, 1_000],
      [second, 2_000],
      [tenth, 60_000],
    ] as const) {
      expect(outcome).toMatchObject({ kind: 'postponed' });
      expect((outcome as { delayMs: number }).delayMs).toBeGreaterThanOrEqual(delay);
      expect((outcome as { delayMs: number }).delayMs).toBeLessThanOrEqual(delay * 1.25);
    }
  });

  it('is nothing to be held against the job when the service stops or somebody else has it', () => {
    expect(jobOutcomeOf(new WorkerStopped('crates.move'), { ...job, attempt: 4 }, delays)).toEqual({
      kind: 'given-back',
    });
    expect(jobOutcomeOf(new LeaseLost('crates.move'), job, delays)).toMatchObject({ kind: 'lost' });
  });

  it('has words also for what is no error', () => {
    expect(jobOutcomeOf('oops', job, delays)).toMatchObject({
      error: { message: expect.stringContaining('no Error: oops') },
    });
  });
});

describe('the breaker of a job', () => {
  const log: string[] = [];
  const logger = {
    log: (line: string) => log.push(line),
    warn: (line: string) => log.push(line),
    error: () => 0,
  };
  let now = 0;
  const away = new DependencyUnavailable('smtp');
  const breaker = () => new JobBreaker('crates.move', logger, () => now);

  it('lets as many run as are free until the dependency was away three times in a row', () => {
    const one = breaker();
    one.failed(away);
    one.failed(away);
    expect(one.allowance(8, 2)).toBe(8);
    one.succeeded();
    one.failed(away);
    one.failed(away);
    expect(one.allowance(8, 0)).toBe(8);
    one.failed(away);
    expect(one.allowance(8, 0)).toBe(0);
  });

  it('lets one probe after a pause that doubles, and everybody when it succeeds', () => {
    const one = breaker();
    for (let n = 0; n < 3; n += 1) one.failed(away);
    one.failed(away); // was under way: tells nothing new
    now += 500;
    expect(one.allowance(8, 0)).toBe(1);
    expect(one.allowance(8, 1)).toBe(0);
    one.failed(away);
    now += 999;
    expect(one.allowance(8, 0)).toBe(0);
    now += 1;
    expect(one.allowance(8, 0)).toBe(1);
    one.succeeded();
    expect(one.allowance(8, 1)).toBe(8);
    expect(
      log.filter((line) => /pause and probe, because smtp is not available/.test(line)),
    ).not.toHaveLength(0);
  });
});
