import { retryAfterMs } from './retry-after.ts';

const NOW = Date.parse('2026-01-15T09:31:00Z');

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 2 ', 2_000],
    ['Thu, 15 Jan 2026 09:31:30 GMT', 30_000],
    ['Thu, 15 Jan 2026 09:30:00 GMT', 0],
    [['3', '5'], 3_000],
  ])('is read from %j', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });

  it.each([undefined, '', 'soon', '-1', '1.5', '2026-01-15', '99999999999', 'never GMT'])(
    'says nothing in %j',
    (header) => {
      expect(retryAfterMs(header, NOW)).toBeUndefined();
    },
  );
});
