import { str } from 'envalid';
import { integer, type ServiceConfig } from '@warren/service';

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
  WARREN_PRODUCTS_TIMEOUT_MS: integer({
    min: 1,
    max: 60_000,
    default: 2_000,
    desc: 'How long GET /v1/products waits for order-service, in milliseconds',
  }),
};

export type GatewayConfig = ServiceConfig<typeof environment>;
