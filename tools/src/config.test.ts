import { givenServers, givenTestServers, serviceEnvironment } from './config.ts';

describe('givenServers', () => {
  it('finds none in an empty environment', () => {
    expect(givenServers({})).toEqual({ broker: undefined, database: undefined, mail: undefined });
  });

  it('takes the virtual host and the database from the URLs, and warren where they name none of their own', () => {
    const named = givenServers({
      WARREN_AMQP_URL: 'amqp://admin:secret@broker:5672/shop',
      WARREN_AMQP_MANAGEMENT_URL: 'http://admin:secret@broker:15672/',
      WARREN_DATABASE_URL: 'postgresql://admin:secret@database/shop',
      WARREN_SMTP_URL: 'smtp://mail:25',
    });
    expect(named.broker?.vhost).toBe('shop');
    expect(named.broker?.managementUrl).toBe('http://admin:secret@broker:15672');
    expect(named.database?.database).toBe('shop');
    expect(named.mail).toEqual({ smtpUrl: 'smtp://mail:25', inboxUrl: null });

    const unnamed = givenServers({
      WARREN_AMQP_URL: 'amqp://broker/%2F',
      WARREN_AMQP_MANAGEMENT_URL: 'http://broker:15672',
      WARREN_DATABASE_URL: 'postgres://database/postgres',
    });
    expect(unnamed.broker?.vhost).toBe('warren');
    expect(unnamed.database?.database).toBe('warren');
  });

  it('says what is missing or wrong', () => {
    expect(() => givenServers({ WARREN_AMQP_URL: 'amqp://broker' })).toThrow('WARREN_AMQP_MANAGEMENT_URL');
    expect(() => givenServers({ WARREN_DATABASE_URL: 'mysql://database' })).toThrow(
      'WARREN_DATABASE_URL must be a URL that begins with postgres:// or postgresql://',
    );
    expect(() => givenServers({ WARREN_SMTP_URL: 'mail' })).toThrow('WARREN_SMTP_URL must be a URL');
    expect(() => givenTestServers({ WARREN_TEST_AMQP_URL: 'amqp://broker' })).toThrow(
      'WARREN_TEST_AMQP_MANAGEMENT_URL',
    );
  });
});

describe('serviceEnvironment', () => {
  it("hands on the user's variables but not what is only for Jest", () => {
    const environment = serviceEnvironment(
      { WARREN_HTTP_PORT: '1' },
      {
        WARREN_LOG_LEVEL: 'debug',
        WARREN_HTTP_PORT: '2',
        NODE_ENV: 'test',
        JEST_WORKER_ID: '1',
        NODE_OPTIONS: '--experimental-vm-modules --max-old-space-size=200',
      },
    );

    expect(environment).toEqual({
      WARREN_LOG_LEVEL: 'debug',
      WARREN_HTTP_PORT: '1',
      NODE_ENV: 'production',
      NODE_OPTIONS: '--max-old-space-size=200',
    });
  });
});
