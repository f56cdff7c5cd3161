import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { InvalidSignature, signatureOf, verifyWebhook, type DistinctHeaders } from './webhook-signature.ts';

const NOW = 1_700_000_000;
const key = randomBytes(32);
const formerKey = randomBytes(24);
const ID = 'evt_01912d68783e7a3c8a2c0c6e6f3f6a08';
const BODY = Buffer.from('{"id":"evt_01912d68783e7a3c8a2c0c6e6f3f6a08","type":"payment.approved"}');

interface Attempt {
  id: string;
  timestamp: string;
  signature: string;
  body: Buffer;
}

const signed = ({
  id = ID,
  timestamp = String(NOW),
  body = BODY,
  by = key,
}: { id?: string; timestamp?: string; body?: Buffer; by?: Buffer } = {}): Attempt => ({
  id,
  timestamp,
  body,
  signature: signatureOf(by, id, timestamp, body),
});

const headersOf = ({ id, timestamp, signature }: Attempt): DistinctHeaders => ({
  'webhook-id': [id],
  'webhook-timestamp': [timestamp],
  'webhook-signature': [signature],
});

const verify = (attempt: Attempt, now = NOW * 1000) =>
  verifyWebhook(headersOf(attempt), attempt.body, [key, formerKey], now);

const reasonOf = (attempt: Attempt, headers: DistinctHeaders = {}, now = NOW * 1000): string => {
  try {
    verifyWebhook({ ...headersOf(attempt), ...headers }, attempt.body, [key, formerKey], now);
  } catch (error) {
    if (error instanceof InvalidSignature) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('a webhook', () => {
  it('is known by its id and the time of its attempt', () => {
    expect(verify(signed())).toEqual({ id: ID, timestamp: NOW, digest: expect.any(Buffer) });
  });

  it('has a digest that is the same for whichever secret, and another one for each attempt and body', () => {
    const { digest } = verify(signed());
    expect(verify(signed({ by: formerKey })).digest).toEqual(digest);
    expect(verify(signed({ timestamp: String(NOW + 1) })).digest).not.toEqual(digest);
    expect(verify(signed({ body: Buffer.from('{}') })).digest).not.toEqual(digest);
    expect(verify(signed({ id: 'evt_2' })).digest).not.toEqual(digest);
  });

  it('is accepted with one signature of ours among others', () => {
    const { signature, ...attempt } = signed({ by: formerKey });
    const others = `v1,${randomBytes(32).toString('base64')} v1a,${randomBytes(64).toString('base64')}`;
    expect(reasonOf({ ...attempt, signature: `${others} ${signature}` })).toBe('accepted');
    expect(reasonOf({ ...attempt, signature: others })).toBe(
      'no signature is made with one of the 2 secrets',
    );
  });

  it('is accepted for 5 minutes to either side', () => {
    const attempt = signed();
    for (const seconds of [-300, -299, 0, 299, 300]) {
      expect(reasonOf(attempt, {}, (NOW + seconds) * 1000)).toBe('accepted');
    }
    for (const seconds of [-301, 301, 86_400]) {
      expect(reasonOf(attempt, {}, (NOW + seconds) * 1000)).toContain(`${seconds} s old`);
    }
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'is refused without, or with two of %s',
    (name) => {
      const attempt = signed();
      const [value] = headersOf(attempt)[name]!;
      expect(reasonOf(attempt, { [name]: undefined })).toBe(`${name} is missing`);
      expect(reasonOf(attempt, { [name]: [value!, value!] })).toBe(`${name} came more than once`);
    },
  );

  it.each(['', '.', 'evt_1.1700000000', 'evt 1', 'evt_1, evt_1', 'é', 'e'.repeat(101)])(
    'is refused with the id "%s", though it is signed',
    (id) => {
      expect(reasonOf(signed({ id }))).toBe('webhook-id is malformed');
    },
  );

  it.each(['', '-1', '1.7e9', '0x1', '1700000000.0', ' 1700000000', '1700000000000000', 'now', 'NaN'])(
    'is refused with the timestamp "%s", though it is signed',
    (timestamp) => {
      expect(reasonOf(signed({ timestamp }))).toBe('webhook-timestamp is malformed');
    },
  );

  it('is refused with a signature that decodes to the right bytes and is written in another way', () => {
    const { signature, ...attempt } = signed();
    const last = signature.at(-2)!;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const twin = `${signature.slice(0, -2)}${alphabet[alphabet.indexOf(last) ^ 1]}=`;
    expect(Buffer.from(twin.slice(3), 'base64')).toEqual(Buffer.from(signature.slice(3), 'base64'));
    for (const other of [
      twin,
      signature.slice(0, -1),
      `${signature}=`,
      signature.replace('v1,', ''),
      signature.replace('v1', 'V1'),
    ]) {
      expect(reasonOf({ ...attempt, signature: other })).toContain('no signature');
    }
  });

  it('is refused whenever one byte of its body, id, timestamp or signature is another, is gone or is added', () => {
    const attempts = fc.record({
      id: fc.stringMatching(/^[\w-]{1,40}$/),
      timestamp: fc.integer({ min: NOW - 300, max: NOW + 300 }).map(String),
      body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      by: fc.constantFrom(key, formerKey),
    });
    const change = fc.record({
      field: fc.constantFrom('id', 'timestamp', 'body', 'signature' as const),
      kind: fc.constantFrom('replace', 'remove', 'insert' as const),
      at: fc.nat(),
      byte: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(attempts, change, (parts, { field, kind, at, byte }) => {
        const attempt = signed(parts);
        expect(reasonOf(attempt)).toBe('accepted');
        // Header fields reach us as Latin-1.
        const before = Buffer.from(attempt[field] as string, 'latin1');
        const position = kind === 'insert' ? at % (before.length + 1) : at % Math.max(1, before.length);
        const after = Buffer.concat([
          before.subarray(0, position),
          Buffer.from(kind === 'remove' ? [] : [byte]),
          before.subarray(kind === 'insert' ? position : position + 1),
        ]);
        // A space beside a signature is between two, of which one is empty.
        const isSpace = field === 'signature' && after.toString('latin1').trim() === attempt.signature;
        fc.pre(!before.equals(after) && !isSpace);
        const changed = { ...attempt, [field]: field === 'body' ? after : after.toString('latin1') };
        expect(reasonOf(changed)).not.toBe('accepted');
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('the reference implementation', () => {
  const now = Math.floor(Date.now() / 1000);
  const secret = `whsec_${key.toString('base64')}`;
  const text = '{"id":"evt_1","note":"naïve ☕"}';

  it('is believed', () => {
    const signature = new Webhook(secret).sign(ID, new Date(now * 1000), text);
    const attempt = { id: ID, timestamp: String(now), body: Buffer.from(text), signature };
    expect(reasonOf(attempt, {}, Date.now())).toBe('accepted');
  });

  it('believes us', () => {
    const { id, timestamp, signature } = signed({ timestamp: String(now), body: Buffer.from(text) });
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
    expect(new Webhook(secret).verify(text, headers)).toEqual(JSON.parse(text));
  });
});
