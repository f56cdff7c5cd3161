import type { RunningService } from '@warren/service';
import { eventually } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { GatewayUnderTest, PASSWORD } from './gateway-under-test.ts';

const WRONG = 'not the password';

let gateway: GatewayUnderTest;
let replica: RunningService;
let behindProxy: RunningService;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  replica = await gateway.startReplica();
  behindProxy = await gateway.startReplica({ WARREN_TRUSTED_PROXIES: '127.0.0.1/32, ::1' });
});

afterAll(async () => {
  await behindProxy?.stop();
  await replica?.stop();
  await gateway?.stop();
});

beforeEach(() => gateway.database.query('DELETE FROM gateway.failed_sign_ins'));

interface Answered {
  status: number;
  retryAfter: string | null;
  problem: object;
}

async function signIn(
  email: string,
  password: string,
  { at = gateway.service, headers = {} }: { at?: RunningService; headers?: Record<string, string> } = {},
): Promise<Answered> {
  const response = await fetch(`${at.url}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ email, password }),
  });
  const { instance: _, accessToken: __, ...problem } = (await response.json()) as Record<string, unknown>;
  return { status: response.status, retryAfter: response.headers.get('retry-after'), problem };
}

async function fail(email: string, times: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < times; i += 1) statuses.push((await signIn(email, WRONG)).status);
  return statuses;
}

const statusOf = async (answer: Promise<Answered>): Promise<number> => (await answer).status;

/** As if so many sign-ins from this machine had failed. */
const failFromNetwork = (failures: number) =>
  gateway.database.query(`UPDATE gateway.failed_sign_ins SET failures = $1 WHERE scope = 'network'`, [
    failures,
  ]);

const countsOf = async (scope: 'account' | 'network'): Promise<number> =>
  (await gateway.database.query('SELECT 1 FROM gateway.failed_sign_ins WHERE scope = $1', [scope])).length;

describe('after ten failures with an address', () => {
  it('no sign-in with it is looked at for 15 minutes, however it is typed and with the right password too', async () => {
    const { email } = await gateway.signUp();
    expect(await fail(email, 10)).toEqual(Array(10).fill(401));

    const refused = await signIn(email, WRONG);
    expect(refused).toMatchObject({
      status: 429,
      problem: { type: '/problems/too-many-sign-ins', status: 429 },
    });
    expect(Number(refused.retryAfter)).toBeGreaterThan(800);
    expect(Number(refused.retryAfter)).toBeLessThanOrEqual(900);
    expect(await statusOf(signIn(email.toUpperCase(), WRONG))).toBe(429);
    expect(await statusOf(signIn(email, PASSWORD))).toBe(429);
    expect(await statusOf(signIn(email, PASSWORD, { at: replica }))).toBe(429);

    const other = await gateway.signUp();
    expect(await statusOf(signIn(other.email, PASSWORD))).toBe(201);
  });

  it('the answers are the same for an address without an account', async () => {
    const { email } = await gateway.signUp();
    const answers = { known: [] as Answered[], unknown: [] as Answered[] };
    const unknown = `${uuidv7()}@example.com`;
    for (let i = 0; i < 12; i += 1) {
      for (const [who, address] of [
        ['known', email],
        ['unknown', unknown],
      ] as const) {
        const { retryAfter, ...answer } = await signIn(address, WRONG);
        answers[who].push({ ...answer, retryAfter: retryAfter === null ? null : 'some seconds' });
      }
    }
    expect(answers.unknown).toEqual(answers.known);
    expect(answers.known.map(({ status }) => status)).toEqual([...Array<number>(10).fill(401), 429, 429]);
  });

  it('it begins anew when the time is over', async () => {
    const { email } = await gateway.signUp();
    await fail(email, 10);
    expect(await statusOf(signIn(email, PASSWORD))).toBe(429);
    await gateway.database.query(`UPDATE gateway.failed_sign_ins SET until = now() WHERE scope = 'account'`);
    expect(await fail(email, 11)).toEqual([...Array<number>(10).fill(401), 429]);
    await gateway.database.query(`UPDATE gateway.failed_sign_ins SET until = now() WHERE scope = 'account'`);
    expect(await statusOf(signIn(email, PASSWORD))).toBe(201);
  });
});

it('a success clears the count of its address', async () => {
  const { email } = await gateway.signUp();
  for (let round = 0; round < 3; round += 1) {
    expect(await fail(email, 9)).toEqual(Array(9).fill(401));
    expect(await statusOf(signIn(email, PASSWORD))).toBe(201);
  }
});

it('of fifty wrong sign-ins at once on two replicas, ten are looked at', async () => {
  for (const email of [(await gateway.signUp()).email, `${uuidv7()}@example.com`]) {
    const statuses = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        statusOf(signIn(email, WRONG, { at: i % 2 === 0 ? gateway.service : replica })),
      ),
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
  }
});

it('fifty right sign-ins at once on two replicas all succeed, with one account and with many', async () => {
  const [ada, grace, ...more] = await Promise.all(Array.from({ length: 5 }, () => gateway.signUp()));
  const users = [ada, ada, ada, ada, ada, grace, ...more].map((user) => user!);
  await signIn(`${uuidv7()}@example.com`, WRONG);
  await failFromNetwork(80);
  const statuses = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      statusOf(
        signIn(users[i % users.length]!.email, PASSWORD, { at: i % 2 === 0 ? gateway.service : replica }),
      ),
    ),
  );
  expect(statuses).toEqual(Array(50).fill(201));
  const [row] = await gateway.database.query(
    `SELECT failures FROM gateway.failed_sign_ins WHERE scope = 'network'`,
  );
  expect(row).toEqual({ failures: 80 });
});

describe('after a hundred failures from a network', () => {
  it('nothing from there is looked at, and nothing more is kept of the addresses that it tries', async () => {
    const { email } = await gateway.signUp();
    await fail(`${uuidv7()}@example.com`, 1);
    await failFromNetwork(99);
    expect(await statusOf(signIn(email, PASSWORD))).toBe(201);
    expect(await statusOf(signIn(email, PASSWORD))).toBe(201);
    expect(await fail(`${uuidv7()}@example.com`, 1)).toEqual([401]);

    const kept = await countsOf('account');
    for (let i = 0; i < 5; i += 1) expect(await fail(`${uuidv7()}@example.com`, 1)).toEqual([429]);
    expect(await statusOf(signIn(email, PASSWORD))).toBe(429);
    expect(await countsOf('account')).toBe(kept);
  });

  it('sign-ins that are refused for their address are not counted', async () => {
    const { email } = await gateway.signUp();
    await fail(email, 10);
    await failFromNetwork(98);
    expect(await fail(email, 5)).toEqual(Array(5).fill(429));
    expect(await fail(`${uuidv7()}@example.com`, 3)).toEqual([401, 401, 429]);
  });
});

describe('the network of a client', () => {
  const someone = (): string => `${uuidv7()}@example.com`;
  const from = (address: string, at?: RunningService) => ({
    headers: { 'x-forwarded-for': address },
    ...(at && { at }),
  });

  it('is that of the connection, whatever X-Forwarded-For says', async () => {
    await fail(someone(), 1);
    await failFromNetwork(100);
    expect(await statusOf(signIn(someone(), WRONG))).toBe(429);
    for (const forged of ['198.51.100.7', '127.0.0.1, 198.51.100.8', '2001:db8::1']) {
      expect(await statusOf(signIn(someone(), WRONG, from(forged)))).toBe(429);
    }
    expect(await countsOf('network')).toBe(1);
  });

  it('is what a trusted proxy says, not what the client told the proxy', async () => {
    expect(await statusOf(signIn(someone(), WRONG, from('198.51.100.7', behindProxy)))).toBe(401);
    await failFromNetwork(100);
    expect(await statusOf(signIn(someone(), WRONG, from('198.51.100.7', behindProxy)))).toBe(429);
    expect(await statusOf(signIn(someone(), WRONG, from('203.0.113.9, 198.51.100.7', behindProxy)))).toBe(
      429,
    );
    expect(await statusOf(signIn(someone(), WRONG, from('198.51.100.7, 127.0.0.1', behindProxy)))).toBe(429);
    expect(await statusOf(signIn(someone(), WRONG, from('198.51.100.8', behindProxy)))).toBe(401);
  });

  it('is the /64 of an IPv6 address', async () => {
    expect(await statusOf(signIn(someone(), WRONG, from('2001:db8:1:2::1', behindProxy)))).toBe(401);
    await failFromNetwork(100);
    expect(await statusOf(signIn(someone(), WRONG, from('2001:db8:1:2:ffff::9', behindProxy)))).toBe(429);
    expect(await statusOf(signIn(someone(), WRONG, from('2001:db8:1:3::1', behindProxy)))).toBe(401);
  });

  it('is the proxy when the proxy says what is no address', async () => {
    for (const nonsense of ['unknown', '198.51.100.7:4711', 'x'.repeat(1000)]) {
      expect(await statusOf(signIn(someone(), WRONG, from(nonsense, behindProxy)))).toBe(401);
    }
    expect(await countsOf('network')).toBe(1);
  });
});

describe('what is kept of failures', () => {
  it('has a bound that no number of addresses exceeds', async () => {
    const insert = (bucket: number) =>
      gateway.database.query(
        `INSERT INTO gateway.failed_sign_ins VALUES ('account', $1, 1, now()) ON CONFLICT DO NOTHING`,
        [bucket],
      );
    await insert(0);
    await insert(1_048_575);
    await expect(insert(-1)).rejects.toThrow(/bucket/);
    await expect(insert(1_048_576)).rejects.toThrow(/bucket/);
    expect(await countsOf('account')).toBe(2);
  });

  it('is removed when its time is over', async () => {
    await gateway.database.query(
      `INSERT INTO gateway.failed_sign_ins SELECT 'account', n, 3, now() - interval '1 minute'
         FROM generate_series(0, 2499) n`,
    );
    await gateway.database.query(
      `INSERT INTO gateway.failed_sign_ins VALUES ('account', 5000, 3, now() + interval '1 minute')`,
    );
    const fresh = await gateway.startReplica();
    try {
      await eventually(async () => expect(await countsOf('account')).toBe(1));
    } finally {
      await fresh.stop();
    }
  });
});
