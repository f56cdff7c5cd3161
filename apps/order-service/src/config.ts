import { parseDuration } from '@warren/messaging';
import { integer, oneOf, urlOf, type ServiceConfig } from '@warren/service';
import { EnvError, makeValidator } from 'envalid';

/** `sandbox`: no money moves, and orders may come without a payment token. `http`: a provider that is in earnest. */
export const PAYMENT_PROVIDERS = ['sandbox', 'http'] as const;

const SHORTEST_DEADLINE = '1s';
const LONGEST_DEADLINE = '30d';

const duration = makeValidator<string>((input) => {
  try {
    const ms = parseDuration(input);
    if (ms >= parseDuration(SHORTEST_DEADLINE) && ms <= parseDuration(LONGEST_DEADLINE)) return input;
  } catch (error) {
    throw new EnvError((error as TypeError).message);
  }
  throw new EnvError(`must be from ${SHORTEST_DEADLINE} to ${LONGEST_DEADLINE}, not "${input}"`);
});

/** A path may stand in it; what would be ignored is refused. */
const apiUrl = (spec: Parameters<typeof urlOf>[1]): ReturnType<typeof urlOf> => {
  const url = urlOf(['http', 'https'], spec);
  return {
    ...url,
    _parse(input) {
      const { username, password, search, hash } = new URL(url._parse(input));
      if (username + password + search + hash === '') return input;
      throw new EnvError('must have no user, no password, no query and no fragment');
    },
  };
};

/** The value is not shown in errors: it is a secret. */
const apiKey = makeValidator<string>((input) => {
  if (/^[!-~]{1,512}$/.test(input)) return input;
  throw new EnvError('must be 1 to 512 visible ASCII characters without spaces, as it stands in a header');
});

/** Environment variables beside those that every service has. */
export const environment = {
  WARREN_PAYMENT_PROVIDER: oneOf(PAYMENT_PROVIDERS, {
    desc: 'Who takes payments: sandbox for trying out, where an order without a payment token is paid too; http in earnest',
    example: 'sandbox',
  }),
  WARREN_PAYMENT_URL: apiUrl({
    desc: "The payment provider's API, without /v1",
    example: 'http://127.0.0.1:7084',
  }),
  WARREN_PAYMENT_API_KEY: apiKey({ desc: 'By which the payment provider knows us; a secret' }),
  WARREN_PAYMENT_TIMEOUT_MS: integer({
    min: 10,
    max: 60_000,
    default: 5_000,
    desc: 'How long one attempt to reach the payment provider may take, in milliseconds; there are three',
  }),
  WARREN_PAYMENT_DEADLINE: duration({
    default: '15m',
    desc: 'How long an order waits for each step of its payment before it is cancelled: 1s to 30d, as in 90s, 15m or 2h',
  }),
};

export type OrderServiceConfig = ServiceConfig<typeof environment>;
