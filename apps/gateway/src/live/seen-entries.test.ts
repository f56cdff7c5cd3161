import fc from 'fast-check';
import { SeenEntries } from './seen-entries.ts';

const entry = (version: number, type = 'order.placed.v1') => ({ version, type });

const seenOf = (...versions: number[]): SeenEntries => {
  const seen = new SeenEntries();
  for (const version of versions) seen.add(entry(version));
  return seen;
};

describe('what a client has seen', () => {
  it('is written as ranges of versions, and the names of what has none', () => {
    const seen = seenOf(1, 3, 2, 7);
    seen.add(entry(0, 'order.accepted'));
    seen.add(entry(0, 'order.cancellation-requested'));
    expect(seen.toString()).toBe('accepted.cancellation-requested.1-3.7');
  });

  it('is the same after it was written and read, in whatever order it came and however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (versions) => {
        const written = seenOf(...versions).toString();
        expect(seenOf(...versions.toReversed()).toString()).toBe(written);
        const read = SeenEntries.parse(written)!;
        expect(read.toString()).toBe(written);
        for (let version = 1; version <= 30; version += 1) {
          expect(read.has(entry(version))).toBe(versions.includes(version));
        }
      }),
    );
  });

  it.each([
    '0',
    '01',
    '-1',
    '3-',
    '3-1',
    '1..2',
    '.',
    ' 1',
    '1 ',
    'Accepted',
    'a_b',
    '1,2',
    'é',
    '9'.repeat(16),
  ])('is not read from "%s"', (id) => {
    expect(SeenEntries.parse(id)).toBeUndefined();
  });

  it('is not read from what is longer than any id', () => {
    expect(SeenEntries.parse(`${'1.'.repeat(1_000)}1`)).toBeUndefined();
  });

  it('takes a range of any size at no cost', () => {
    const seen = SeenEntries.parse('1-999999999999999')!;
    expect(seen.has(entry(123_456_789))).toBe(true);
    expect(seen.toString()).toBe('1-999999999999999');
  });
});
