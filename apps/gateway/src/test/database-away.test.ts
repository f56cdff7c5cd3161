import { createTcpProxy, eventually, testServers, type TcpProxy } from '@warren/testing';
import type { RunningService } from '@warren/service';
import { GatewayUnderTest } from './gateway-under-test.ts';

let gateway: GatewayUnderTest;
let proxy: TcpProxy;
let replica: RunningService;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  const { hostname, port } = new URL(testServers().databaseUrl);
  proxy = await createTcpProxy(hostname, Number(port));
  replica = await gateway.startReplica({ WARREN_DATABASE_URL: proxy.through(gateway.database.url) });
});

afterAll(async () => {
  await replica?.stop();
  await proxy?.close();
  await gateway?.stop();
});

it('answers 503 while its database is away, without saying what is, and recovers by itself', async () => {
  const { token } = await gateway.signUp();
  const list = () => fetch(`${replica.url}/v1/orders`, { headers: { authorization: `Bearer ${token}` } });
  expect((await list()).status).toBe(200);

  await proxy.refuse();
  const refused = await list();
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  const text = await refused.text();
  expect(JSON.parse(text)).toMatchObject({ type: '/problems/unavailable', status: 503 });
  expect(text).not.toMatch(/postgres|ECONN|127\.0\.0\.1/i);
  const ready = await fetch(`${replica.url}/health/ready`);
  expect(ready.status).toBe(503);
  expect((await fetch(`${replica.url}/health/live`)).status).toBe(200);

  await proxy.restore();
  await eventually(async () => expect((await list()).status).toBe(200));
});
