import { captureMessages, type CapturedMessages } from '@warren/testing';
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  jwtVerify,
  SignJWT,
  generateKeyPair,
  UnsecuredJWT,
} from 'jose';
import { GatewayUnderTest, PASSWORD } from './gateway-under-test.ts';

let gateway: GatewayUnderTest;
let events: CapturedMessages;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  events = await captureMessages(gateway.broker.url, 'users.events', '#');
});

afterAll(async () => {
  await events?.close();
  await gateway?.stop();
});

const newUser = (email: string) => ({ email, displayName: 'Ada Lovelace', password: PASSWORD });

describe('signing up', () => {
  it('makes an account, tells of it, and keeps the password as an argon2id hash only', async () => {
    const { status, headers, body } = await gateway.call('POST', '/v1/users', {
      json: newUser('Ada@example.com'),
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe('/v1/users/me');
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{14}7[0-9a-f-]{21}$/),
      email: 'Ada@example.com',
      displayName: 'Ada Lovelace',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });

    const message = await events.next(({ json }) => json<any>().subject === body.id);
    expect(message.routingKey).toBe('user.registered.v1');
    expect(message.json()).toMatchObject({
      type: 'user.registered.v1',
      sequence: '0000000001',
      correlationid: headers.get('x-request-id'),
      data: {
        userId: body.id,
        email: 'Ada@example.com',
        displayName: 'Ada Lovelace',
        registeredAt: body.createdAt,
      },
    });

    const [account] = await gateway.database.query('SELECT * FROM gateway.accounts WHERE id = $1', [body.id]);
    expect(account!['password_hash']).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(JSON.stringify(account)).not.toContain(PASSWORD);
  });

  it('refuses an address that has an account, however it is typed', async () => {
    await gateway.call('POST', '/v1/users', { json: newUser('grace.hopper@example.com') });
    const before = await gateway.count('accounts');
    for (const email of ['grace.hopper@example.com', 'Grace.Hopper@EXAMPLE.com']) {
      const { status, body } = await gateway.call('POST', '/v1/users', { json: newUser(email) });
      expect(status).toBe(409);
      expect(body.type).toBe('/problems/email-taken');
    }
    expect(await gateway.count('accounts')).toBe(before);
  });

  it('makes one account when the same person signs up many times at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        gateway.call('POST', '/v1/users', { json: newUser('twice@example.com') }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(9).fill(409)]);
    const rows = await gateway.database.query(
      `SELECT 1 FROM gateway.accounts WHERE email = 'twice@example.com'`,
    );
    expect(rows).toHaveLength(1);
  });
});

describe('a session', () => {
  it('gives a token that others can verify by the published keys', async () => {
    const { id, email } = await gateway.signUp();
    const { status, headers, body } = await gateway.call('POST', '/v1/sessions', {
      json: { email: email.toUpperCase(), password: PASSWORD },
    });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({ accessToken: expect.any(String), tokenType: 'Bearer', expiresIn: 3600 });

    const { body: jwks } = await gateway.call('GET', '/.well-known/jwks.json');
    expect(JSON.stringify(jwks)).not.toContain('"d"');
    const { payload } = await jwtVerify(body.accessToken, createLocalJWKSet(jwks), { audience: 'warren' });
    expect(payload.sub).toBe(id);
    expect(payload.exp! - payload.iat!).toBe(3600);
  });

  it('is refused with the same words for a wrong password and an unknown address', async () => {
    const { email } = await gateway.signUp();
    const wrong = await gateway.call('POST', '/v1/sessions', {
      json: { email, password: 'not the password' },
    });
    const unknown = await gateway.call('POST', '/v1/sessions', {
      json: { email: 'nobody@example.com', password: 'not the password' },
    });
    expect(wrong.status).toBe(401);
    expect(unknown.status).toBe(401);
    const { instance: _one, ...ofWrong } = wrong.body;
    const { instance: _other, ...ofUnknown } = unknown.body;
    expect(ofWrong).toEqual(ofUnknown);
    expect(ofWrong.type).toBe('/problems/invalid-credentials');
  });

  it('takes the password however a keyboard composes its letters', async () => {
    const email = 'compose@example.com';
    await gateway.call('POST', '/v1/users', {
      json: { ...newUser(email), password: 'caf\u00e9 cr\u00e8me' },
    });
    const { status } = await gateway.call('POST', '/v1/sessions', {
      json: { email, password: 'cafe\u0301 cre\u0300me' },
    });
    expect(status).toBe(201);
  });
});

describe('a bearer token', () => {
  it('tells who calls', async () => {
    const user = await gateway.signUp();
    const { status, body } = await gateway.call('GET', '/v1/users/me', { token: user.token });
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: user.id, email: user.email, displayName: 'Ada' });
  });

  it('is needed: without one the answer says how to get it', async () => {
    for (const headers of [{}, { authorization: 'Basic YWRhOnNlY3JldA==' }, { authorization: 'Bearer' }]) {
      const { status, headers: answered, body } = await gateway.call('GET', '/v1/users/me', { headers });
      expect(status).toBe(401);
      expect(answered.get('www-authenticate')).toBe('Bearer realm="warren"');
      expect(body).toMatchObject({ type: '/problems/missing-token', status: 401 });
    }
  });

  it('is refused when it was changed, signed by somebody else, or not signed at all', async () => {
    const { token, id } = await gateway.signUp();
    const { kid } = decodeProtectedHeader(token);
    const { privateKey } = await generateKeyPair('EdDSA');
    const claims = { iss: 'warren-gateway', aud: 'warren', sub: id };
    const foreign = (header: { kid?: string }) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', ...header })
        .setExpirationTime('1h')
        .sign(privateKey);
    const [head, , signature] = token.split('.');
    const otherClaims = Buffer.from(JSON.stringify({ ...claims, exp: 9_999_999_999 })).toString('base64url');
    const bad = [
      `${head}.${otherClaims}.${signature}`,
      await foreign({ kid: kid! }),
      await foreign({ kid: 'unknown' }),
      await foreign({}),
      new UnsecuredJWT(claims).setExpirationTime('1h').encode(),
      'not.a.token',
      'x',
    ];
    for (const each of bad) {
      const { status, headers, body } = await gateway.call('GET', '/v1/users/me', { token: each });
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toContain('error="invalid_token"');
      expect(body.type).toBe('/problems/invalid-token');
    }
  });

  it('is good on every replica, also when replicas start together on an empty database', async () => {
    const replica = await gateway.startReplica();
    try {
      const { token, id } = await gateway.signUp();
      const response = await fetch(`${replica.url}/v1/users/me`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(await response.json()).toMatchObject({ id });
      expect(await gateway.count('signing_keys')).toBe(1);
    } finally {
      await replica.stop();
    }
  });
});

describe('an expired token', () => {
  it('is refused', async () => {
    const shortLived = await gateway.startReplica({ WARREN_TOKEN_SECONDS: '1' });
    try {
      const { email } = await gateway.signUp();
      const session = await fetch(`${shortLived.url}/v1/sessions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, password: PASSWORD }),
      });
      const { accessToken, expiresIn } = (await session.json()) as { accessToken: string; expiresIn: number };
      expect(expiresIn).toBe(1);
      const { exp } = JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()) as {
        exp: number;
      };
      await waitUntil(exp * 1000 + 50);
      const { status, body } = await gateway.call('GET', '/v1/users/me', { token: accessToken });
      expect(status).toBe(401);
      expect(body).toMatchObject({ type: '/problems/invalid-token', detail: 'the access token has expired' });
    } finally {
      await shortLived.stop();
    }
  });
});

/** The one thing to wait for here is the clock. */
const waitUntil = (time: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, time - Date.now())));
