import { bool, str } from 'envalid';
import { commonSpecs, ConfigurationError, outboxSpecs, readConfig } from './config.ts';
import { usage } from './usage.ts';
import { integer, oneOf, urlOf, urlsOf } from './variable.ts';

const good = {
  WARREN_DATABASE_URL: 'postgres://u:p@127.0.0.1:5432/warren',
  WARREN_AMQP_URL: 'amqp://u:p@one:5672/warren, amqp://u:p@two:5672/warren',
};

function problemsOf(specs: Parameters<typeof readConfig>[1], environment: Record<string, string>) {
  try {
    readConfig('thing-service', specs, environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(({ variable, problem }) => `${variable} ${problem}`);
  }
}

describe('the configuration', () => {
  it('is parsed, and defaults are filled in', () => {
    const config = readConfig('thing-service', commonSpecs(7081), { ...good, WARREN_MIGRATE: 'false' });
    expect(config).toEqual({
      ...good,
      WARREN_AMQP_URL: ['amqp://u:p@one:5672/warren', 'amqp://u:p@two:5672/warren'],
      WARREN_DATABASE_POOL_SIZE: 20,
      WARREN_HTTP_HOST: '127.0.0.1',
      WARREN_HTTP_PORT: 7081,
      WARREN_LOG_LEVEL: 'info',
      WARREN_LOG_FORMAT: 'json',
      WARREN_SCHEMA_BASE_URL: 'http://127.0.0.1:7080/schemas',
      WARREN_SHUTDOWN_SECONDS: 20,
      WARREN_MIGRATE: false,
      WARREN_JOB_CONCURRENCY: 8,
      WARREN_JOB_LEASE_SECONDS: 30,
      WARREN_JOB_RETENTION_DAYS: 7,
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('is refused with everything that is missing or wrong, in one report', () => {
    const environment = {
      WARREN_DATABASE_URL: 'mysql://u:hunter2@host/db',
      WARREN_HTTP_PORT: '70000',
      WARREN_LOG_LEVEL: 'loud',
    };
    expect(() => readConfig('thing-service', commonSpecs(7081), environment)).toThrow(
      [
        'thing-service cannot start: 4 environment variables are missing or wrong.',
        '  WARREN_DATABASE_URL  must be a URL that starts with postgres:// or postgresql://, not mysql://',
        "  WARREN_AMQP_URL      is missing: RabbitMQ, as the service's own user; several nodes of a cluster separated by commas, for example amqp://order-service:password@127.0.0.1:5672/warren",
        '  WARREN_HTTP_PORT     must be a whole number from 0 to 65535, not "70000"',
        '  WARREN_LOG_LEVEL     must be one of fatal, error, warn, info, debug, trace, silent, not "loud"',
        'Run it with --help to see all variables.',
      ].join('\n'),
    );
  });

  it('takes what the service says of its jobs, unless the environment says otherwise', () => {
    const specs = commonSpecs(7081, { concurrency: 2, leaseSeconds: 5, retentionDays: 1 });
    const config = readConfig('thing-service', specs, { ...good, WARREN_JOB_LEASE_SECONDS: '60' });
    expect(config).toMatchObject({
      WARREN_JOB_CONCURRENCY: 2,
      WARREN_JOB_LEASE_SECONDS: 60,
      WARREN_JOB_RETENTION_DAYS: 1,
    });
  });

  it('does not show a password in its report', () => {
    const environment = {
      ...good,
      WARREN_DATABASE_URL: 'postgres://u:hun:ter2@:bad',
      WARREN_AMQP_URL: 'http://u:hunter2@x',
    };
    expect(problemsOf(commonSpecs(1), environment).join()).not.toMatch(/hun:?ter2/);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(
      readConfig('thing-service', commonSpecs(7081), { ...good, WARREN_HTTP_PORT: '' }).WARREN_HTTP_PORT,
    ).toBe(7081);
    expect(problemsOf({ NAME: str({ desc: 'A name' }) }, { NAME: '' })).toEqual(['NAME is missing: A name']);
  });

  it.each(['', 'x', '1.5', '1e3', '0x10', '-1', '11', '99999999999999999999', ' 5'])(
    'takes no "%s" for a number',
    (value) => {
      const specs = { N: integer({ min: 0, max: 10, desc: 'A number' }) };
      expect(problemsOf(specs, { N: value })).toHaveLength(1);
    },
  );

  it('may be extended by validators of its own and of envalid', () => {
    const config = readConfig(
      'thing-service',
      {
        SMTP: urlOf(['smtp'], { desc: 'Mail server' }),
        NODES: urlsOf(['http'], { desc: 'Nodes', default: [] }),
        COLOUR: oneOf(['red', 'blue'], { desc: 'Colour', default: 'red' }),
        LOUD: bool({ default: false }),
      },
      { SMTP: 'smtp://127.0.0.1:25', LOUD: 'true' },
    );
    expect(config).toEqual({ SMTP: 'smtp://127.0.0.1:25', NODES: [], COLOUR: 'red', LOUD: true });
  });
});

describe('the usage text', () => {
  it('lists every variable with type, default and meaning', () => {
    const specs = {
      ...commonSpecs(7081),
      ...outboxSpecs(),
      LOUD: bool({ default: false, desc: 'Whether to shout' }),
      NAME: str({ default: undefined, desc: 'A name' }),
    };
    const text = usage({ name: 'thing-service', description: 'Makes things', specs });
    expect(text).toContain('thing-service: Makes things');
    for (const line of [
      'WARREN_DATABASE_URL  (URL postgres|postgresql, required)',
      'WARREN_HTTP_PORT  (integer 0..65535, default 7081)',
      'WARREN_LOG_FORMAT  (json|pretty, default json)',
      'WARREN_OUTBOX_LIMIT  (integer 1..1000000, default 100000)',
      'LOUD  (true|false, default false)\n      Whether to shout',
      'NAME  (text, optional)\n      A name',
    ]) {
      expect(text).toContain(line);
    }
  });
});
