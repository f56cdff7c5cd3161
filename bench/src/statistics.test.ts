import { holds, median, quantile, rounded, shareOfGoal } from './statistics.ts';

describe('median', () => {
  it('is the value in the middle, or between the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  it('sorts by value and leaves what it was given alone', () => {
    const values = [10, 9, 100];
    expect(median(values)).toBe(10);
    expect(values).toEqual([10, 9, 100]);
  });

  it('refuses to make a figure of nothing', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('quantile', () => {
  it('interpolates between neighbours', () => {
    const values = Array.from({ length: 101 }, (_, n) => n);
    expect(quantile(values, 0.99)).toBe(99);
    expect(quantile([0, 10], 0.99)).toBeCloseTo(9.9);
  });
});

describe('a goal', () => {
  it('holds from its bound on, in the direction in which it points', () => {
    expect(holds(0.93, { atLeast: 0.93, aim: 0.97 })).toBe(true);
    expect(holds(0.929, { atLeast: 0.93, aim: 0.97 })).toBe(false);
    expect(holds(1.35, { atMost: 1.35, aim: 1.2 })).toBe(true);
    expect(holds(1.36, { atMost: 1.35, aim: 1.2 })).toBe(false);
  });

  it('is reached by a share of one, and by more when the ratio is better', () => {
    expect(shareOfGoal(0.7, { atLeast: 0.7, aim: 1 })).toBe(1);
    expect(shareOfGoal(1.4, { atLeast: 0.7, aim: 1 })).toBe(2);
    expect(shareOfGoal(1, { atMost: 2, aim: 1 })).toBe(2);
  });
});

describe('rounded', () => {
  it('keeps four digits that count', () => {
    expect(rounded(12_345.67)).toBe(12_350);
    expect(rounded(0.912345)).toBe(0.9123);
  });
});
