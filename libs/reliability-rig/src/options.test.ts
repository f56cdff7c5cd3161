import { allFaults } from './faults/all-faults.ts';
import { parseOptions, timesOf, usage } from './options.ts';

describe('the command line of the rig', () => {
  it('makes every fault with 10,000 messages unless it is told otherwise', () => {
    expect(parseOptions([])).toMatchObject({ faults: allFaults, messages: 10_000, help: false });
  });

  it('takes several faults, and makes them in the order of the report', () => {
    const { faults, messages } = parseOptions([
      '--only',
      'database-killed,broker-killed',
      '--messages',
      '500',
    ]);
    expect(faults.map(({ name }) => name)).toEqual(['broker-killed', 'database-killed']);
    expect(messages).toBe(500);
  });

  it.each([
    ['a fault that is none', ['--only', 'flood'], /no fault "flood"; there are:\n {2}nothing/],
    [
      'a number that is none',
      ['--messages', 'many'],
      /--messages must be a whole number of 1 or more, not "many"/,
    ],
    ['no messages', ['--messages', '0'], /not "0"/],
    ['an option that is none', ['--forever'], /--forever/],
  ])('refuses %s and says what there is', (_what, args, says) => {
    expect(() => parseOptions(args)).toThrow(says);
  });

  it('names every fault in its help', () => {
    for (const { name } of allFaults) expect(usage()).toContain(`  ${name} `);
  });
});

describe('how often a fault is made', () => {
  const fault = allFaults.find(({ name }) => name === 'connection-reset')!;

  it('follows the number of messages, and is once at least', () => {
    expect([10_000, 40_000, 2_000, 10].map((messages) => timesOf(fault, messages))).toEqual([
      fault.times.full,
      fault.times.full,
      Math.round(fault.times.full / 5),
      1,
    ]);
  });

  it('is never for no fault at all', () => {
    expect(timesOf(allFaults[0]!, 10)).toBe(0);
  });
});
