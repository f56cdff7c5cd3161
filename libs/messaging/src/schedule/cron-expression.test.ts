import { CronExpression } from './cron-expression.ts';

/** The first `count` times after `from`, as in a log of UTC. */
function times(cron: string, timeZone: string, from: string, count: number): string[] {
  const expression = new CronExpression(cron, timeZone, new Date(from));
  const found: string[] = [];
  let time = new Date(from);
  while (found.length < count) {
    time = expression.next(time)!;
    found.push(time.toISOString().replace(/:00\.000Z$/, ''));
  }
  return found;
}

describe('a cron expression', () => {
  it('means the clocks of its time zone, in summer and in winter', () => {
    expect(times('0 9 * * *', 'Europe/Berlin', '2026-07-01T00:00:00Z', 1)).toEqual(['2026-07-01T07:00']);
    expect(times('0 9 * * *', 'Europe/Berlin', '2026-12-01T00:00:00Z', 1)).toEqual(['2026-12-01T08:00']);
    expect(times('0 9 * * *', 'Asia/Kathmandu', '2026-12-01T00:00:00Z', 1)).toEqual(['2026-12-01T03:15']);
  });

  it.each([
    ['six fields with seconds', '15 0 9 * * *', '2026-12-01T09:00:15.000Z'],
    ['names of days', '0 9 * * SUN', '2026-12-06T09:00'],
    ['the last day of a month', '0 9 L 2 *', '2027-02-28T09:00'],
    ['leap years', '0 9 29 2 *', '2028-02-29T09:00'],
  ])('knows %s', (_what, cron, first) => {
    expect(times(cron, 'UTC', '2026-12-01T00:00:00Z', 1)).toEqual([first]);
  });

  it.each([
    ['61 * * * *', 'UTC', /"61 \* \* \* \*" can't be read: .*61/],
    ['* * * *', 'UTC', /can't be read/],
    ['* * * * * * *', 'UTC', /can't be read/],
    ['2030-01-01T00:00:00', 'UTC', /is a date/],
    ['0 0 30 2 *', 'UTC', /never comes true/],
    ['* * * * *', 'Mars/Base', /time zone "Mars\/Base" is not known/],
  ])('is refused when it is %s in %s', (cron, timeZone, problem) => {
    expect(() => new CronExpression(cron, timeZone)).toThrow(problem);
  });
});

describe('when the clocks go forward', () => {
  // Berlin, on 29 March 2026: from 02:00 (01:00 UTC) to 03:00.
  const day = '2026-03-28T12:00:00Z';
  const night = '2026-03-29T00:00:00Z';

  it('a fixed time that is skipped comes right after, on the same day', () => {
    expect(times('30 2 * * *', 'Europe/Berlin', day, 2)).toEqual(['2026-03-29T01:00', '2026-03-30T00:30']);
  });

  it('fixed times that are skipped and one that is not come once, when they meet', () => {
    expect(times('0,30 2,3 * * *', 'Europe/Berlin', day, 3)).toEqual([
      '2026-03-29T01:00',
      '2026-03-29T01:30',
      '2026-03-30T00:00',
    ]);
  });

  it('an interval goes on evenly', () => {
    expect(times('*/30 * * * *', 'Europe/Berlin', night, 4)).toEqual([
      '2026-03-29T00:30',
      '2026-03-29T01:00',
      '2026-03-29T01:30',
      '2026-03-29T02:00',
    ]);
  });

  it('a day that begins at one o’clock has its midnight', () => {
    expect(times('0 0 * * *', 'America/Havana', '2026-03-07T12:00:00Z', 2)).toEqual([
      '2026-03-08T05:00',
      '2026-03-09T04:00',
    ]);
  });

  it('half an hour is treated as an hour is', () => {
    expect(times('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', 2)).toEqual([
      '2026-10-03T15:30',
      '2026-10-04T15:15',
    ]);
  });
});

describe('when the clocks go back', () => {
  // Berlin, on 25 October 2026: from 03:00 (01:00 UTC) to 02:00.
  const day = '2026-10-24T12:00:00Z';

  it('a fixed time comes once, the first time', () => {
    expect(times('30 2 * * *', 'Europe/Berlin', day, 2)).toEqual(['2026-10-25T00:30', '2026-10-26T01:30']);
    expect(times('0 2,15 * * *', 'Europe/Berlin', day, 3)).toEqual([
      '2026-10-24T13:00',
      '2026-10-25T00:00',
      '2026-10-25T14:00',
    ]);
  });

  it('an interval goes on through both passes of the hour', () => {
    expect(times('*/30 * * * *', 'Europe/Berlin', '2026-10-24T23:30:00Z', 5)).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T00:30',
      '2026-10-25T01:00',
      '2026-10-25T01:30',
      '2026-10-25T02:00',
    ]);
  });
});
