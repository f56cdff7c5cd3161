import { captureMessages, createTcpProxy, eventually, testServers, type TcpProxy } from '@warren/testing';
import { GatewayUnderTest, PASSWORD } from './gateway-under-test.ts';
import { attemptOf, callback, send } from './payment-provider.ts';

let gateway: GatewayUnderTest;
let proxy: TcpProxy;

beforeAll(async () => {
  const { hostname, port } = new URL(testServers().amqpUrl);
  proxy = await createTcpProxy(hostname, Number(port));
  await proxy.refuse();
  gateway = await GatewayUnderTest.start({}, (url) => proxy.through(url));
});

afterAll(async () => {
  await gateway?.stop();
  await proxy?.close();
});

it('accepts everything while the broker is away, stays ready, and tells it all when the broker is back', async () => {
  const ada = await gateway.signUp();
  const orderId = await gateway.order(ada.token);
  const cancellation = await gateway.call('POST', `/v1/orders/${orderId}/cancellation`, {
    token: ada.token,
    headers: { 'idempotency-key': orderId },
  });
  expect(cancellation).toMatchObject({ status: 202, body: { id: orderId, status: 'accepted' } });
  const paid = callback();
  expect((await send(gateway, attemptOf(paid))).status).toBe(202);
  const upload = await gateway.upload(ada.token, 'a.txt', 'hello');
  expect(upload.status).toBe(202);
  expect((await gateway.call('GET', `/v1/orders/${orderId}`, { token: ada.token })).body).toMatchObject({
    status: 'accepted',
    cancellation: { status: 'requested' },
  });
  expect(await gateway.count('outbox')).toBe(5);

  const ready = await gateway.call('GET', '/health/ready');
  expect(ready).toMatchObject({ status: 200, body: { status: 'degraded' } });

  // Exchanges and queues as they are on a broker that was away for a while.
  const exchanges = ['users.events', 'orders.commands', 'files.events'];
  for (const name of exchanges) {
    await gateway.broker.management.call('PUT', `/exchanges/${gateway.broker.vhost}/${name}`, {
      type: 'topic',
      durable: true,
    });
  }
  const captures = await Promise.all(exchanges.map((name) => captureMessages(gateway.broker.url, name, '#')));
  try {
    await proxy.restore();
    const [registered, command, uploaded] = await Promise.all(
      captures.map((each) => each.next(({ routingKey }) => !/cancel|payment/.test(routingKey), 30_000)),
    );
    expect(registered!.json()).toMatchObject({ type: 'user.registered.v1', subject: ada.id });
    expect(command!.json()).toMatchObject({ type: 'order.place.v1', subject: orderId });
    const furtherCommands = [await captures[1]!.next(), await captures[1]!.next()].map(({ json }) => json());
    expect(furtherCommands).toContainEqual(
      expect.objectContaining({ type: 'order.cancel.v1', subject: orderId }),
    );
    expect(furtherCommands).toContainEqual(
      expect.objectContaining({ type: 'order.record-payment.v1', subject: paid.payment.reference }),
    );
    expect(uploaded!.json()).toMatchObject({ type: 'file.uploaded.v1', subject: upload.body.id });
    const ofOrder = captures[1]!.all.map(({ json }) => json<{ type: string; subject: string }>());
    expect(ofOrder.filter(({ subject }) => subject === orderId).map(({ type }) => type)).toEqual([
      'order.place.v1',
      'order.cancel.v1',
    ]);
    await eventually(async () => expect(await gateway.count('outbox')).toBe(0));
  } finally {
    await Promise.all(captures.map((each) => each.close()));
  }
});

it('answers 503 for the one call that needs the broker, and says when to try again', async () => {
  await proxy.refuse();
  const { token } = await gateway.signUp();
  const answer = await gateway.call('GET', '/v1/products', { token });
  expect(answer).toMatchObject({ status: 503, body: { type: '/problems/unavailable' } });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(
    (await gateway.call('POST', '/v1/sessions', { json: { email: 'x@example.com', password: PASSWORD } }))
      .status,
  ).toBe(401);
});
