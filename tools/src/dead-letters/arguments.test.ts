import { isUsageError } from '../operate/exit-codes.ts';
import { parseArguments } from './arguments.ts';

const parse = (line: string) => parseArguments(line.split(' ').filter((word) => word !== ''));

describe('the arguments of dead-letters', () => {
  it('become a filter and options', () => {
    const line =
      'redrive m-1 --id m-2 --queue a.b --queue c.* --reason invalid --type order.* --older-than 90s --younger-than 7d ' +
      '--rate 2.5 --limit 10 --tolerate 0 --settle 1m --patience 10m --force --dry-run -y --json';
    expect(parse(line)).toMatchObject({
      command: 'redrive',
      filter: {
        ids: ['m-1', 'm-2'],
        queues: ['a.b', 'c.*'],
        reasons: ['invalid'],
        types: ['order.*'],
        olderThanMs: 90_000,
        youngerThanMs: 604_800_000,
      },
      ...{ rate: 2.5, limit: 10, tolerate: 0, settleMs: 60_000, patienceMs: 600_000 },
      ...{ force: true, dryRun: true, yes: true, json: true, ramp: true, all: false },
    });
  });

  it('mean all dead letters only when that is said', () => {
    expect(parse('redrive --all --no-ramp')).toMatchObject({ filter: {}, all: true, ramp: false });
    expect(parse('list').filter).toEqual({});
  });

  it.each([
    ['', /what is to be done/],
    ['redo', /"redo" is none of list/],
    ['list --rate 5', /'--rate'/],
    ['redrive', /redrive which\?/],
    ['discard', /discard which\?/],
    ['redrive --all --queue a.b', /--all means all dead letters/],
    ['show', /list --each/],
    ['redrive --all --rate fast', /--rate must be a number of at least 0.01, not "fast"/],
    ['redrive --all --rate 0', /--rate/],
    ['redrive --all --limit 1.5', /--limit must be a whole number/],
    ['list --older-than yesterday', /--older-than: "yesterday" is not a duration/],
    ['redrive --all --patience 1h', /at most 15m/],
    ['redrive --all --no-ramp --tolerate 3', /leave them out with --no-ramp/],
    ['discard --all --force', /'--force'/],
  ])('are refused with a reason when they cannot be meant: %s', (line, problem) => {
    expect(() => parse(line)).toThrow(problem);
    try {
      parse(line);
    } catch (error) {
      expect(isUsageError(error)).toBe(true);
    }
  });
});
