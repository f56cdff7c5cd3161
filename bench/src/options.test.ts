import { parseOptions, usage, UsageError } from './options.ts';

const MEASURES = ['latency-p99', 'publish-rate', 'relay'];

describe('the options of the bench', () => {
  it('take all measures in full where nothing is said', () => {
    expect(parseOptions([], MEASURES)).toEqual({ only: undefined, quick: false, profile: false });
  });

  it('name measures one by one or with commas, each once', () => {
    const options = parseOptions(['--quick', '--only', 'relay', '--only=publish-rate,relay'], MEASURES);
    expect(options).toEqual({ only: ['relay', 'publish-rate'], quick: true, profile: false });
  });

  it('refuse a measure that does not exist, and name those that do', () => {
    expect(() => parseOptions(['--only', 'relais'], MEASURES)).toThrow(UsageError);
    expect(() => parseOptions(['--only', 'relais'], MEASURES)).toThrow(
      /"relais".*latency-p99, publish-rate, relay/,
    );
  });

  it.each([['--fast'], ['relay'], ['--only'], ['--quick=yes']])('refuse %s', (argument) => {
    expect(() => parseOptions([argument], MEASURES)).toThrow(UsageError);
  });

  it('have a help that names every measure', () => {
    expect(parseOptions(['--help', '--quick'], MEASURES)).toBe('help');
    for (const name of MEASURES) expect(usage(MEASURES)).toContain(name);
  });
});
