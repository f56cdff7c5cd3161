import fc from 'fast-check';
import {
  isSecretName,
  redactBody,
  redactLine,
  redactSecrets,
  redactText,
  secretsIn,
  withoutSecrets,
} from './index.ts';

const SECRET = 'tok_v3ry-s3cret';
const body = (text: string) => redactBody(Buffer.from(text));
const textOf = (shown: ReturnType<typeof redactBody>) =>
  shown.kind === 'bytes' ? shown.bytes.toString('latin1') : shown.text;

describe('a name', () => {
  it.each([
    'password',
    'paymentToken',
    'X-Api-Key',
    'api_key',
    'WARREN_CLIENT_SECRET',
    'Set-Cookie',
    'private_key',
    'passphrase',
    'credentials',
  ])('tells that a field is secret: %s', (name) => expect(isSecretName(name)).toBe(true));

  it.each(['orderId', 'email', 'key', 'idempotency-key', 'passenger', 'x-warren-reason'])(
    'tells nothing: %s',
    (name) => expect(isSecretName(name)).toBe(false),
  );
});

describe('a body', () => {
  it.each<[string, string]>([
    ['at the top', `{"paymentToken":"${SECRET}","orderId":"o-1"}`],
    ['deep inside', `{"orderId":"o-1","data":{"list":[{"paymentToken":"${SECRET}"}]}}`],
    ['in an object', `{"orderId":"o-1","token":{"value":"${SECRET}"}}`],
    ['in a list', `{"orderId":"o-1","tokens":["${SECRET}"]}`],
    ['behind a name with escapes', String.raw`{"orderId":"o-1","payment\u0054oken":"${SECRET}"}`],
    ['in JSON as text', JSON.stringify({ orderId: 'o-1', note: JSON.stringify({ paymentToken: SECRET }) })],
    [
      'in JSON as text in JSON as text',
      JSON.stringify({ orderId: 'o-1', a: JSON.stringify({ b: JSON.stringify({ paymentToken: SECRET }) }) }),
    ],
    ['in broken JSON as text', JSON.stringify({ orderId: 'o-1', note: `{"paymentToken":"${SECRET}` })],
    ['in a list at the top', `["o-1",{"token":"${SECRET}"}]`],
    ['in JSON that is cut off', `{"orderId":"o-1","paymentToken":"${SECRET}`],
    ['in JSON that is cut off in an escape', `{"orderId":"o-1","paymentToken":"${SECRET}\\`],
    ['in JSON with a comma too many', `{"orderId":"o-1","paymentToken" : "${SECRET}",}`],
    ['without quotes', `{orderId:"o-1",paymentToken:${SECRET}}`],
    ['in single quotes', `{'orderId':'o-1','paymentToken':'${SECRET}'}`],
    ['in YAML', `orderId: o-1\npaymentToken: ${SECRET}\n`],
    ['in a form', `orderId=o-1&paymentToken=${SECRET}&x=1`],
    ['in a header', `orderId: o-1\r\nAuthorization: Bearer ${SECRET}\r\n\r\n`],
    ['in escaped JSON that is broken', String.raw`"{\"orderId\":\"o-1\",\"paymentToken\":\"${SECRET}\"`],
  ])('is shown without a secret %s', (_where, text) => {
    const shown = body(text);
    expect(shown.redacted).toBe(true);
    expect(textOf(shown)).toContain('[redacted]');
    expect(textOf(shown)).not.toContain('s3cret');
    expect(textOf(shown)).toContain('o-1');
    if (shown.kind === 'json') expect(JSON.parse(shown.text)).toEqual(shown.value);
  });

  it('is shown without a secret under a name that stands twice', () => {
    expect(textOf(body(`{"token":"${SECRET}","token":null}`))).toBe('{"token":null}');
  });

  it('is shown without a secret among bytes that are no text', () => {
    const bytes = Buffer.concat([Buffer.from([0xff]), Buffer.from(`{"paymentToken":"${SECRET}"}`)]);
    const shown = redactBody(bytes);
    expect(shown).toMatchObject({ kind: 'bytes', redacted: true });
    expect(textOf(shown)).not.toContain('s3cret');
  });

  it.each(['{ "orderId" : "o-1",  "n": 1.0 }', 'not JSON', '', '17', '{"token":null}', '{"hasToken":true}'])(
    'stays as it came where it holds none: %j',
    (text) => {
      const shown = body(text);
      expect(shown.redacted).toBe(false);
      expect(textOf(shown)).toBe(text);
    },
  );

  it('stays as it came where it is bytes that hold none', () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe]);
    expect(redactBody(bytes)).toEqual({ kind: 'bytes', bytes, redacted: false });
  });

  it('never shows what a secret field holds, whatever that is and wherever the body is cut off', () => {
    const hidden = fc
      .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })
      .map((text) => `s3cret${text.replaceAll('s3cret', '')}`);
    fc.assert(
      fc.property(hidden, fc.integer({ min: 0, max: 3 }), fc.nat(200), (secret, depth, cut) => {
        let text = JSON.stringify({ a: 1, paymentToken: secret, b: 'x' });
        for (let level = 0; level < depth; level++) text = JSON.stringify({ inner: text });
        for (const given of [text, text.slice(0, cut)]) {
          expect(textOf(body(given))).not.toContain('s3cret');
          expect(redactText(given)).not.toContain('s3cret');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('takes time in proportion to its length', () => {
    const started = performance.now();
    for (const piece of [
      '"token":"',
      '\\"token\\":\\"',
      'token',
      '\\',
      '"',
      'token=',
      'token: "x',
      '{"a":',
    ]) {
      body(piece.repeat(100_000 / piece.length));
    }
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('fields of an object', () => {
  it('are shown, but for the secret ones', () => {
    const headers = { 'x-api-key': 'k-1', n: 1, authorization: ['Basic abc'], url: 'amqp://u:p@host/v' };
    expect(JSON.parse(JSON.stringify(headers, redactSecrets))).toEqual({
      'x-api-key': '[redacted]',
      n: 1,
      authorization: '[redacted]',
      url: 'amqp://[redacted]@host/v',
    });
  });
});

describe('JSON that is nested deeper than anybody can walk', () => {
  const deep = `{"paymentToken":"${SECRET}","a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;

  it('is shown as text, without its secrets', () => {
    const shown = redactBody(Buffer.from(deep));
    expect(shown).toMatchObject({ kind: 'text', redacted: true });
    expect(JSON.stringify(shown)).not.toContain(SECRET);
    expect(redactLine(deep)).not.toContain(SECRET);
    expect(JSON.stringify({ headers: { body: deep } }, redactSecrets)).not.toContain(SECRET);
  });

  it('is searched for secrets all the same', () => {
    expect(secretsIn(Buffer.from(deep))).toEqual([SECRET]);
  });

  it('may stand as text in JSON, in JSON, in JSON', () => {
    let text = `{"paymentToken":"${SECRET}"}`;
    for (let n = 0; n < 12; n++) text = `${'['.repeat(60)}${JSON.stringify(text)}${']'.repeat(60)}`;
    expect(JSON.stringify(redactBody(Buffer.from(text)))).not.toContain(SECRET);
    expect(secretsIn(Buffer.from(text))).toEqual([SECRET]);
  });
});

it('a name that stands twice, once with escapes, hides nothing', () => {
  const body = String.raw`{"payment\u0054oken":"${SECRET}","paymentToken":null}`;
  expect(JSON.stringify(redactBody(Buffer.from(body)))).not.toContain(SECRET);
});

describe('secrets by their value', () => {
  it('are found in a body at any depth', () => {
    const data = { token: SECRET, list: [{ password: { old: 'old-one', new: ['new-one'] } }], name: 'Ada' };
    const nested = { data, text: JSON.stringify({ apiKey: 'key-1' }), secret: 'abc' };
    expect(secretsIn(Buffer.from(JSON.stringify(nested))).sort()).toEqual(
      [SECRET, 'key-1', 'new-one', 'old-one'].sort(),
    );
    expect(secretsIn(Buffer.from('not JSON'))).toEqual([]);
  });

  it('are taken out of a text as they are, in JSON and in URLs, whatever their case', () => {
    const secret = 'a"b/$1+(c';
    const text = `${secret} ${secret.toUpperCase()} ${JSON.stringify(secret)} ?t=${encodeURIComponent(secret)}`;
    expect(withoutSecrets(text, [secret])).toBe('[redacted] [redacted] "[redacted]" ?t=[redacted]');
    expect(withoutSecrets(text, [])).toBe(text);
    expect(withoutSecrets(text, [''])).toBe(text);
  });
});
