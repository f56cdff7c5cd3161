import { cleanEnv, EnvError, EnvMissingError, host, makeValidator, str, type CleanedEnv } from 'envalid';
import { LOG_FORMATS, LOG_LEVELS } from '@warren/observability';

export const NAME = 'payment-sandbox';

/** A whole number. */
const integer = (min: number, max: number) =>
  makeValidator<number>((input) => {
    const value = Number(input);
    if (!/^\d+$/.test(input) || value < min || value > max) {
      throw new EnvError(`must be a whole number from ${min} to ${max}, not "${input}"`);
    }
    return value;
  });

const httpUrl = makeValidator<string>((input) => {
  const url = URL.parse(input);
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new EnvError('must be a URL that starts with http:// or https://');
  }
  if (url.username || url.password) throw new EnvError('must have no user and no password in it');
  return input;
});

// What is wrong with a secret is told without showing it.
const apiKey = makeValidator<string>((input) => {
  if (!/^[\w.~+/=-]{16,256}$/.test(input)) {
    throw new EnvError('must be 16 to 256 letters, digits or characters of -._~+/=');
  }
  return input;
});

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme */
const callbackSecret = makeValidator<string>((input) => {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(input) ?? [];
  const key = Buffer.from(encoded ?? '', 'base64');
  if (key.toString('base64') !== encoded || key.length < 24 || key.length > 64) {
    throw new EnvError('must be "whsec_" and the base64 of 24 to 64 bytes');
  }
  return input;
});

const variables = {
  WARREN_SANDBOX_API_KEY: apiKey({
    desc: 'What callers have to send as "Authorization: Bearer …"',
    example: 'a-key-for-development',
  }),
  WARREN_SANDBOX_CALLBACK_URL: httpUrl({
    desc: 'Where outcomes are told',
    example: 'http://127.0.0.1:7080/v1/payment-callbacks',
  }),
  WARREN_SANDBOX_CALLBACK_SECRET: callbackSecret({
    desc: 'Signs callbacks, after Standard Webhooks: "whsec_" and the base64 of 24 to 64 bytes',
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  }),
  WARREN_SANDBOX_DIRECTORY: str({
    desc: 'Directory of the payments, which one process at a time uses; it is made when it is not there',
    example: '/var/lib/payment-sandbox',
  }),
  WARREN_SANDBOX_SLOW_MS: integer(
    1,
    86_400_000,
  )({ default: 60_000, desc: 'How long a payment with tok_slow stays pending, in milliseconds' }),
  WARREN_HTTP_HOST: host({ default: '127.0.0.1', desc: 'Address to listen on; 0.0.0.0 for all' }),
  WARREN_HTTP_PORT: integer(0, 65_535)({ default: 7084, desc: 'Port to listen on; 0 for any' }),
  WARREN_LOG_LEVEL: str({
    choices: LOG_LEVELS,
    default: 'info',
    desc: 'Least important lines that are written',
  }),
  WARREN_LOG_FORMAT: str({
    choices: LOG_FORMATS,
    default: 'json',
    desc: 'json for machines, pretty for people',
  }),
};

/** Every variable under its own name, parsed, with defaults filled in. */
export type SandboxConfig = Readonly<Pick<CleanedEnv<typeof variables>, keyof typeof variables>>;

/** Token by which the configuration is injected. */
export const SANDBOX_CONFIG = Symbol('SANDBOX_CONFIG');

/** Variables that are missing or wrong, all of them. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  constructor(problems: readonly { variable: string; problem: string }[]) {
    super(
      [
        `${NAME} cannot start: what is missing or wrong in its environment:`,
        ...problems.map(({ variable, problem }) => `  ${variable}  ${problem}`),
        'Run it with --help to see all variables.',
      ].join('\n'),
    );
  }
}

/**
 * Reads and validates the environment, once.
 *
 * @param environment a variable that is set to the empty string counts as not set. Default: that of this process.
 * @throws ConfigurationError that names everything that is wrong.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): SandboxConfig {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const cleaned = cleanEnv(given, variables, {
    reporter({ errors }) {
      const problems = Object.entries(errors).map(([variable, error]) => ({
        variable,
        problem:
          error instanceof EnvMissingError
            ? `is missing: ${variables[variable as keyof typeof variables].desc}`
            : (error as Error).message,
      }));
      if (problems.length > 0) throw new ConfigurationError(problems);
    },
  });
  const names = Object.keys(variables) as (keyof typeof variables)[];
  return Object.freeze(Object.fromEntries(names.map((name) => [name, cleaned[name]]))) as SandboxConfig;
}

/** What `--help` prints. */
export function usage(): string {
  const lines = Object.entries(variables).flatMap(([name, spec]) => {
    const { desc, example, choices } = spec as {
      desc?: string;
      example?: string;
      choices?: readonly string[];
    };
    const need = 'default' in spec ? `default ${String(spec.default)}` : 'required';
    return [
      `  ${name}  (${choices ? `${choices.join('|')}, ` : ''}${need})`,
      `      ${desc}${example ? `\n      for example ${example}` : ''}`,
    ];
  });
  return `${NAME}: A payment provider for development and tests

Usage: node dist/main.js [command]

Commands:
  serve      run it (this is what happens without a command)
  --help     show this

Environment variables:
${lines.join('\n')}

Tokens: tok_ok is approved, tok_declined declined, tok_slow approved after WARREN_SANDBOX_SLOW_MS, tok_never stays
pending; any other is refused. Faults on demand: PUT, GET, DELETE /sandbox/faults. See README.md.

Exit codes: 0 stopped as asked, 1 failed, 64 unknown command, 78 wrong configuration.
`;
}
