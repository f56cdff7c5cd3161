import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Signed webhooks after Standard Webhooks, with symmetric signatures (`v1`).
 *
 * Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */

/** How far the time of a webhook may be away from ours, to either side, in seconds. */
export const TOLERANCE_SECONDS = 300;

/** No full stop in it: that is what parts the id from the time in what is signed. */
const ID = /^[\w-]{1,100}$/;
const TIMESTAMP = /^\d{1,12}$/;

/** The header fields as they came, so that a field that came twice can be told from one: Node's `headersDistinct`. */
export type DistinctHeaders = Readonly<Partial<Record<string, readonly string[]>>>;

/** A webhook that was signed with one of our secrets, just now. */
export interface SignedWebhook {
  /** The same for every repetition of a webhook. */
  id: string;
  /** When this attempt was made, in seconds since 1970. */
  timestamp: number;
  /** SHA-256 of all that is signed: another one for each attempt, whichever secrets signed it. */
  digest: Buffer;
}

/** A webhook that nobody has signed who knows a secret of ours, or one that is too old. */
export class InvalidSignature extends Error {
  override readonly name = 'InvalidSignature';

  /** @param message what is wrong: for our log, and not for whoever sent it */
  constructor(message: string) {
    super(message);
  }
}

/** The `webhook-signature` of a webhook with these header fields and this body. */
export function signatureOf(key: Buffer, id: string, timestamp: string, body: Buffer): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

/**
 * @param keys any of them may have signed
 * @param now in milliseconds since 1970
 * @throws InvalidSignature
 */
export function verifyWebhook(
  headers: DistinctHeaders,
  body: Buffer,
  keys: readonly Buffer[],
  now: number = Date.now(),
): SignedWebhook {
  const id = only(headers, 'webhook-id');
  const timestamp = only(headers, 'webhook-timestamp');
  const signatures = only(headers, 'webhook-signature').split(' ');
  if (!ID.test(id)) throw new InvalidSignature('webhook-id is malformed');
  if (!TIMESTAMP.test(timestamp)) throw new InvalidSignature('webhook-timestamp is malformed');
  // All are computed and compared, so that the time it takes tells nothing of which one fits.
  const fitting = keys.flatMap((key) => {
    const expected = signatureOf(key, id, timestamp, body);
    return signatures.filter((signature) => isSame(signature, expected));
  });
  if (fitting.length === 0) {
    throw new InvalidSignature(`no signature is made with one of the ${keys.length} secrets`);
  }
  const seconds = Number(timestamp);
  const age = now / 1000 - seconds;
  if (Math.abs(age) > TOLERANCE_SECONDS) {
    throw new InvalidSignature(
      `it is signed, and ${Math.round(age)} s old; accepted are ${TOLERANCE_SECONDS}`,
    );
  }
  const digest = createHash('sha256').update(`${id}.${timestamp}.`).update(body).digest();
  return { id, timestamp: seconds, digest };
}

function only(headers: DistinctHeaders, name: string): string {
  const values = headers[name] ?? [];
  if (values.length === 1) return values[0]!;
  throw new InvalidSignature(values.length === 0 ? `${name} is missing` : `${name} came more than once`);
}

/** Compares the text: what it decodes to may have been written in more than one way. */
function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
