import { randomBytes } from 'node:crypto';
import { ConfigurationError, startService } from '@warren/service';
import { gateway } from '../app.module.ts';

const secretOf = (bytes: number): string => `whsec_${randomBytes(bytes).toString('base64')}`;

/** What is told about some variables when the gateway starts with these, and no others. */
async function problemsWith(
  environment: Record<string, string>,
  prefix = 'WARREN_PAYMENT_',
): Promise<Record<string, string>> {
  const error = await startService(gateway, environment).catch((reason: unknown) => reason);
  if (!(error instanceof ConfigurationError)) throw error;
  return Object.fromEntries(
    error.problems
      .filter(({ variable }) => variable.startsWith(prefix))
      .map(({ variable, problem }) => [variable, problem]),
  );
}

const good = { WARREN_PAYMENT_PROVIDER: 'http', WARREN_PAYMENT_CALLBACK_SECRETS: secretOf(32) };

describe('the configuration of payments', () => {
  it('has no defaults, and says how to make a secret', async () => {
    const problems = await problemsWith({});
    expect(problems['WARREN_PAYMENT_PROVIDER']).toMatch(/^is missing: .*sandbox/);
    expect(problems['WARREN_PAYMENT_CALLBACK_SECRETS']).toMatch(
      /^is missing: .*echo whsec_\$\(openssl rand -base64 32\)/,
    );
  });

  it('is taken with one secret of 24 to 64 bytes, or more', async () => {
    for (const secrets of [secretOf(24), secretOf(64), `${secretOf(32)}, ${secretOf(33)},${secretOf(34)}`]) {
      expect(await problemsWith({ ...good, WARREN_PAYMENT_CALLBACK_SECRETS: secrets })).toEqual({});
    }
  });

  it.each(['Sandbox', 'stripe', 'true'])('is refused with the provider %s', async (provider) => {
    const problems = await problemsWith({ ...good, WARREN_PAYMENT_PROVIDER: provider });
    expect(problems).toEqual({
      WARREN_PAYMENT_PROVIDER: `must be one of sandbox, http, not "${provider}"`,
    });
  });

  it.each([
    ['no prefix', secretOf(32).slice('whsec_'.length)],
    ['another prefix', secretOf(32).replace('whsec_', 'whsk_')],
    ['too few bytes', secretOf(23)],
    ['too many bytes', secretOf(65)],
    ['no bytes', 'whsec_'],
    ['what is no Base64', `whsec_${'!'.repeat(44)}`],
    ['a line break', secretOf(64).replace(/^(.{70})/, '$1\n')],
    ['a secret without its end', secretOf(32).slice(0, -1)],
  ])('is refused with %s, without showing it', async (_what, secret) => {
    for (const [secrets, number] of [
      [secret, 1],
      [`${secretOf(32)},${secret}`, 2],
      [`${secret},${secretOf(32)}`, 1],
    ] as const) {
      const problems = await problemsWith({ ...good, WARREN_PAYMENT_CALLBACK_SECRETS: secrets });
      expect(problems).toEqual({
        WARREN_PAYMENT_CALLBACK_SECRETS:
          `secret ${number} must be whsec_ and the Base64 of 24 to 64 bytes; make one with: ` +
          'echo whsec_$(openssl rand -base64 32)',
      });
    }
  });
});

it.each(['proxy.example.com', '10.0.0.0/8,', '10.0.0.0/33', '*'])(
  'the configuration of trusted proxies is refused with %s',
  async (proxies) => {
    const variable = 'WARREN_TRUSTED_PROXIES';
    expect(await problemsWith({ [variable]: proxies }, variable)).toEqual({
      [variable]: expect.stringMatching(/^must be addresses or CIDR ranges, separated by commas, not "/),
    });
    expect(await problemsWith({ [variable]: '10.0.0.1, fd00::/8' }, variable)).toEqual({});
  },
);
