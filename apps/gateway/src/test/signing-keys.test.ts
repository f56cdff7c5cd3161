import type { RunningService } from '@warren/service';
import { eventually } from '@warren/testing';
import { decodeProtectedHeader } from 'jose';
import { DataSource } from 'typeorm';
import { JWKS_MAX_AGE_SECONDS, LATE_SECONDS, rotateSigningKey } from '../credentials/key-rotation.ts';
import { SigningKeys } from '../credentials/signing-keys.ts';
import { GatewayUnderTest, PASSWORD, type SignedUpUser } from './gateway-under-test.ts';

let gateway: GatewayUnderTest;
let replica: RunningService;
let ada: SignedUpUser;

beforeEach(async () => {
  gateway = await GatewayUnderTest.start();
  replica = await gateway.startReplica();
  ada = await gateway.signUp();
});

afterEach(async () => {
  await replica?.stop();
  await gateway?.stop();
});

const keysOf = (service: RunningService): SigningKeys => service.app.get(SigningKeys);
const refresh = () => Promise.all([gateway.service, replica].map((each) => keysOf(each).refresh()));

/** As if so much time had passed for the keys. */
const pass = (time: string) =>
  gateway.database.query('UPDATE gateway.signing_keys SET signs_from = signs_from - $1::interval', [time]);

async function signIn(at: RunningService): Promise<string> {
  const response = await fetch(`${at.url}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: ada.email, password: PASSWORD }),
  });
  return ((await response.json()) as { accessToken: string }).accessToken;
}

const kidOf = (token: string): string => decodeProtectedHeader(token).kid!;

async function published(at: RunningService): Promise<string[]> {
  const response = await fetch(`${at.url}/.well-known/jwks.json`);
  return ((await response.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid).sort();
}

async function statuses(token: string): Promise<number[]> {
  const answers = await Promise.all(
    [gateway.service, replica].map((each) =>
      fetch(`${each.url}/v1/users/me`, { headers: { authorization: `Bearer ${token}` } }),
    ),
  );
  return answers.map(({ status }) => status);
}

const rotateOn = (service: RunningService) => rotateSigningKey(service.app.get(DataSource));

it('a new key is published before it signs, and nobody is logged out when it does', async () => {
  const oldKey = kidOf(ada.token);
  await pass('31 days');
  await keysOf(replica).rotateIfDue();
  await refresh();

  const both = await published(gateway.service);
  expect(both).toHaveLength(2);
  expect(both).toContain(oldKey);
  expect(await published(replica)).toEqual(both);
  expect(kidOf(await signIn(gateway.service))).toBe(oldKey);
  expect(kidOf(await signIn(replica))).toBe(oldKey);

  await pass('15 minutes');
  await refresh();
  const [fromOne, fromOther] = await Promise.all([signIn(gateway.service), signIn(replica)]);
  expect(kidOf(fromOne)).not.toBe(oldKey);
  expect(kidOf(fromOther)).toBe(kidOf(fromOne));
  for (const token of [ada.token, fromOne, fromOther]) expect(await statuses(token)).toEqual([200, 200]);

  await pass('50 minutes');
  await refresh();
  expect(await statuses(ada.token)).toEqual([200, 200]);
  expect(await published(replica)).toEqual(both);
});

it('every cache has learned a key by the time at which it signs', async () => {
  await rotateOn(replica);
  const [row] = await gateway.database.query<{ ahead: number }>(
    'SELECT extract(epoch FROM max(signs_from) - now())::int AS ahead FROM gateway.signing_keys',
  );
  const { headers } = await gateway.call('GET', '/.well-known/jwks.json');
  expect(headers.get('cache-control')).toBe(`public, max-age=${JWKS_MAX_AGE_SECONDS}`);
  expect(row!.ahead).toBeGreaterThan(JWKS_MAX_AGE_SECONDS + LATE_SECONDS);
});

it('a replica that has not seen a new key takes a token that it signed', async () => {
  await rotateOn(gateway.service);
  await pass('15 minutes');
  await keysOf(gateway.service).refresh();
  const token = await signIn(gateway.service);
  expect(await published(replica)).toEqual([kidOf(ada.token)]);
  expect(kidOf(token)).not.toBe(kidOf(ada.token));
  expect(await statuses(token)).toEqual([200, 200]);
});

it('a key verifies no more when the last of its tokens has expired, and is removed', async () => {
  await rotateOn(gateway.service);
  await pass('15 minutes');
  await refresh();
  const token = await signIn(replica);
  // Its signature is right and its time is not over: the key's is.
  expect(await statuses(ada.token)).toEqual([200, 200]);
  await pass('63 minutes');
  await refresh();
  expect(await statuses(ada.token)).toEqual([401, 401]);
  expect(await statuses(token)).toEqual([200, 200]);
  expect(await published(gateway.service)).toEqual([kidOf(token)]);
  expect(await published(replica)).toEqual([kidOf(token)]);

  await keysOf(gateway.service).rotateIfDue();
  expect(await gateway.database.query('SELECT kid FROM gateway.signing_keys')).toEqual([
    { kid: kidOf(token) },
  ]);
});

it('a key verifies as long as the longest tokens of any replica that it signed', async () => {
  const generous = await gateway.startReplica({ WARREN_TOKEN_SECONDS: '7200' });
  try {
    await rotateOn(gateway.service);
    await pass('15 minutes');
    await pass('119 minutes');
    await refresh();
    expect(await statuses(ada.token)).toEqual([200, 200]);
    await pass('4 minutes');
    await refresh();
    expect(await statuses(ada.token)).toEqual([401, 401]);
  } finally {
    await generous.stop();
  }
});

it('replicas that replace a key at the same time make one, also when asked again before it signs', async () => {
  await pass('31 days');
  await Promise.all(
    Array.from({ length: 10 }, (_, i) => keysOf(i % 2 === 0 ? gateway.service : replica).rotateIfDue()),
  );
  expect(await gateway.count('signing_keys')).toBe(2);
  const more = await Promise.all(
    Array.from({ length: 10 }, (_, i) => rotateOn(i % 2 === 0 ? gateway.service : replica)),
  );
  expect(more).toEqual(Array(10).fill(undefined));
  expect(await gateway.count('signing_keys')).toBe(2);
});

it('an old key is replaced without anybody asking, and a younger one is not', async () => {
  await pass('8 days');
  await Promise.all([gateway.service, replica].map((each) => keysOf(each).rotateIfDue()));
  expect(await gateway.count('signing_keys')).toBe(1);
  const strict = await gateway.startReplica({ WARREN_SIGNING_KEY_DAYS: '7' });
  try {
    await eventually(async () => expect(await gateway.count('signing_keys')).toBe(2));
  } finally {
    await strict.stop();
  }
});
