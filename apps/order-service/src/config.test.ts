import { ConfigurationError, startService } from '@warren/service';
import { orderService } from './app.module.ts';

const PAYMENT = {
  WARREN_PAYMENT_PROVIDER: 'sandbox',
  WARREN_PAYMENT_URL: 'http://127.0.0.1:7084',
  WARREN_PAYMENT_API_KEY: 'key',
};

/** What is wrong with these variables, beside the database and the broker, which are never given here. */
async function problemsOf(environment: Record<string, string>): Promise<Record<string, string>> {
  const refused = await startService(orderService, environment).catch((error: unknown) => error);
  if (!(refused instanceof ConfigurationError)) throw refused;
  const problems = refused.problems.filter(({ variable }) => variable.startsWith('WARREN_PAYMENT'));
  return Object.fromEntries(problems.map(({ variable, problem }) => [variable, problem]));
}

describe('the configuration of payments', () => {
  it('needs a provider, its address and a key, and has defaults for the rest', async () => {
    await expect(problemsOf(PAYMENT)).resolves.toEqual({});
    expect(Object.keys(await problemsOf({}))).toEqual(Object.keys(PAYMENT));
  });

  it.each(['1s', '90s', '15m', '30d', '720h', '1000ms'])('takes %s for a deadline', async (deadline) => {
    await expect(problemsOf({ ...PAYMENT, WARREN_PAYMENT_DEADLINE: deadline })).resolves.toEqual({});
  });

  it.each([
    ['999ms', 'must be from 1s to 30d, not "999ms"'],
    ['31d', 'must be from 1s to 30d, not "31d"'],
    ['15', '"15" is not a duration: write a number and ms, s, m, h or d, as in 30s'],
    ['-5m', '"-5m" is not a duration: write a number and ms, s, m, h or d, as in 30s'],
  ])('takes no %s for a deadline, and says why', async (deadline, problem) => {
    await expect(problemsOf({ ...PAYMENT, WARREN_PAYMENT_DEADLINE: deadline })).resolves.toEqual({
      WARREN_PAYMENT_DEADLINE: problem,
    });
  });

  it.each(['with space', 'line\r\nbreak', 'käse'])(
    'takes no key that can not stand in a header, %j, and does not show it',
    async (key) => {
      const { WARREN_PAYMENT_API_KEY: problem } = await problemsOf({
        ...PAYMENT,
        WARREN_PAYMENT_API_KEY: key,
      });
      expect(problem).toMatch(/^must be 1 to 512 visible ASCII characters/);
      expect(problem).not.toContain(key);
    },
  );

  it.each(['https://pay.example/api', 'http://127.0.0.1:7084/'])('takes %s for an address', async (url) => {
    await expect(problemsOf({ ...PAYMENT, WARREN_PAYMENT_URL: url })).resolves.toEqual({});
  });

  it.each([
    ['https://user:hunter2@pay.example', 'must have no user, no password, no query and no fragment'],
    ['https://pay.example/?key=hunter2', 'must have no user, no password, no query and no fragment'],
    ['ftp://pay.example', 'must be a URL that starts with http:// or https://, not ftp://'],
  ])('takes no %s for an address', async (url, problem) => {
    await expect(problemsOf({ ...PAYMENT, WARREN_PAYMENT_URL: url })).resolves.toEqual({
      WARREN_PAYMENT_URL: problem,
    });
  });

  it('names the providers that there are', async () => {
    await expect(problemsOf({ ...PAYMENT, WARREN_PAYMENT_PROVIDER: 'stripe' })).resolves.toEqual({
      WARREN_PAYMENT_PROVIDER: 'must be one of sandbox, http, not "stripe"',
    });
  });
});
