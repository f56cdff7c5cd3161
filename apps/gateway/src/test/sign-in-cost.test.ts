import { jest } from '@jest/globals';
import * as argon2 from '@node-rs/argon2';

/** The hash of each verification that was made. */
const verified: string[] = [];

// The real functions, and a count of what they were asked for.
jest.unstable_mockModule('@node-rs/argon2', () => ({
  ...argon2,
  verify: (hashed: string, password: string) => {
    verified.push(hashed);
    return argon2.verify(hashed, password);
  },
}));
const { GatewayUnderTest } = await import('./gateway-under-test.ts');

let gateway: Awaited<ReturnType<typeof GatewayUnderTest.start>>;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
});

afterAll(() => gateway?.stop());

const parametersOf = (hashed: string): string => hashed.split('$').slice(0, 4).join('$');

it('verifies one password of the same cost at every sign-in, whether there is an account or not', async () => {
  const { email } = await gateway.signUp();
  const costs: Record<'known' | 'unknown', string[]> = { known: [], unknown: [] };
  for (let i = 0; i < 9; i += 1) {
    for (const [who, address] of [
      ['unknown', 'nobody@example.com'],
      ['known', email],
    ] as const) {
      verified.length = 0;
      const { status } = await gateway.call('POST', '/v1/sessions', {
        json: { email: address, password: 'not the password' },
      });
      expect(status).toBe(401);
      costs[who].push(verified.map(parametersOf).join());
    }
  }
  expect(costs.known).toEqual(Array(9).fill('$argon2id$v=19$m=19456,t=2,p=1'));
  expect(costs.unknown).toEqual(costs.known);
});
