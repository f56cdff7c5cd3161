import { EnvError, makeExactValidator, str } from 'envalid';
import { integer, oneOf, type ServiceConfig } from '@warren/service';
import { isAddressRange } from './http/client-network.ts';

const SECRET_PREFIX = 'whsec_';

/** The keys of secrets as Standard Webhooks writes them, separated by commas. */
const webhookSecrets = makeExactValidator<readonly Buffer[]>((input) =>
  input.split(',').map((part, index) => {
    const text = part.trim();
    const encoded = text.slice(SECRET_PREFIX.length);
    const key = Buffer.from(encoded, 'base64');
    const isWellFormed = text.startsWith(SECRET_PREFIX) && key.toString('base64') === encoded;
    if (isWellFormed && key.length >= 24 && key.length <= 64) return key;
    throw new EnvError(
      `secret ${index + 1} must be ${SECRET_PREFIX} and the Base64 of 24 to 64 bytes; make one with: ` +
        `echo ${SECRET_PREFIX}$(openssl rand -base64 32)`,
    );
  }),
);

const addressRanges = makeExactValidator<readonly string[]>((input) =>
  input.split(',').map((part) => {
    const text = part.trim();
    if (isAddressRange(text)) return text;
    throw new EnvError(`must be addresses or CIDR ranges, separated by commas, not "${text}"`);
  }),
);

/** What the gateway reads from the environment beside what every service reads. */
export const environment = {
  WARREN_FILES_DIRECTORY: str({
    desc: 'Directory of the stored files; the file-worker needs the same one',
    example: '/var/lib/warren/files',
  }),
  WARREN_MAX_UPLOAD_BYTES: integer({
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    default: 10 * 1024 ** 3,
    desc: 'Largest file that is taken, in bytes',
  }),
  WARREN_MAX_BODY_BYTES: integer({
    min: 1024,
    max: 16 * 1024 ** 2,
    default: 256 * 1024,
    desc: 'Largest JSON body that is taken, in bytes',
  }),
  WARREN_TOKEN_SECONDS: integer({
    min: 1,
    max: 30 * 24 * 3600,
    default: 3600,
    desc: 'Lifetime of an access token, in seconds',
  }),
  WARREN_SIGNING_KEY_DAYS: integer({
    min: 1,
    max: 3650,
    default: 30,
    desc: 'Age at which the key that signs access tokens is replaced, in days',
  }),
  WARREN_TRUSTED_PROXIES: addressRanges({
    default: [],
    desc: 'Proxies whose X-Forwarded-For is believed, as addresses or CIDR ranges separated by commas; without them the address of a client is that of its connection',
    example: '10.0.0.0/8,fd00::/8',
  }),
  WARREN_PRODUCTS_TIMEOUT_MS: integer({
    min: 1,
    max: 60_000,
    default: 2_000,
    desc: 'How long GET /v1/products waits for order-service, in milliseconds',
  }),
  WARREN_STREAMS: integer({
    min: 1,
    max: 100_000,
    default: 1_000,
    desc: 'Event streams that one process of the gateway serves at the same time',
  }),
  WARREN_STREAMS_PER_USER: integer({
    min: 1,
    max: 100_000,
    default: 10,
    desc: 'Event streams that one user may have open at the same time, in each process of the gateway',
  }),
  WARREN_STREAM_HEARTBEAT_SECONDS: integer({
    min: 1,
    max: 30,
    default: 15,
    desc: 'How often an event stream shows that it is alive, in seconds; who has read nothing for two of these is cut off',
  }),
  WARREN_STREAM_POLL_SECONDS: integer({
    min: 1,
    max: 3600,
    default: 5,
    desc: 'How often is looked for changes that no notification told of, in seconds',
  }),
  WARREN_STREAM_LINGER_SECONDS: integer({
    min: 0,
    max: 3600,
    default: 15,
    desc: 'How long after the last change an event stream waits for one more, when none is expected, in seconds',
  }),
  WARREN_PAYMENT_PROVIDER: oneOf(['sandbox', 'http'], {
    desc: 'Who is paid: the sandbox, which needs no paymentToken with an order, or a payment provider over HTTP',
  }),
  WARREN_PAYMENT_CALLBACK_SECRETS: webhookSecrets({
    desc: 'Secrets that the payment provider signs its callbacks with, separated by commas: the current one, and former ones while they are replaced; made by echo whsec_$(openssl rand -base64 32)',
  }),
};

export type GatewayConfig = ServiceConfig<typeof environment>;
