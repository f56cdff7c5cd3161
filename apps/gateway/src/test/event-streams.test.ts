import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { RunningService } from '@warren/service';
import { eventually } from '@warren/testing';
import { EventSource } from 'eventsource';
import { v7 as uuidv7 } from 'uuid';
import { GatewayUnderTest, PASSWORD, type SignedUpUser } from './gateway-under-test.ts';
import { startOrderServiceStandIn } from './order-service-stand-in.ts';
import { StreamClient } from './stream-client.ts';

/** Nothing is found by looking, and nothing ends by itself. */
const PATIENT = { WARREN_STREAM_POLL_SECONDS: '3600', WARREN_STREAM_LINGER_SECONDS: '3600' };
const IMPATIENT = { WARREN_STREAM_POLL_SECONDS: '1', WARREN_STREAM_LINGER_SECONDS: '1' };

let gateway: GatewayUnderTest;
let replica: RunningService;
let impatient: RunningService;
let orderService: RunningService;
let ada: SignedUpUser;
const clients: StreamClient[] = [];

beforeAll(async () => {
  gateway = await GatewayUnderTest.start({ ...PATIENT, WARREN_STREAMS_PER_USER: '100' });
  orderService = await startOrderServiceStandIn(gateway);
  replica = await gateway.startReplica({ ...PATIENT, WARREN_STREAMS_PER_USER: '100' });
  impatient = await gateway.startReplica(IMPATIENT);
  ada = await gateway.signUp();
});

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

afterAll(async () => {
  await impatient?.stop();
  await replica?.stop();
  await orderService?.stop();
  await gateway?.stop();
});

async function follow(
  service: RunningService,
  path: string,
  lastEventId?: string,
  token = ada.token,
): Promise<StreamClient> {
  const client = await StreamClient.open(service.url, path, {
    token,
    ...(lastEventId !== undefined && { lastEventId }),
  });
  clients.push(client);
  return client;
}

const eventsOf = (id: string): string => `/v1/orders/${id}/events`;

const STEPS = {
  placed: ['order.placed.v1', 1],
  requested: ['order.payment-requested.v1', 2],
  confirmed: ['order.confirmed.v1', 3],
  refused: ['order.cancellation-refused.v1', 4],
} as const;
type Step = keyof typeof STEPS;

const publish = (id: string, step: Step): Promise<void> =>
  gateway.publishEvent(STEPS[step][0], id, STEPS[step][1], { orderId: id, customerId: ada.id });

const view = async (id: string) => (await gateway.call('GET', `/v1/orders/${id}`, { token: ada.token })).body;

const handled = (id: string, version: number): Promise<void> =>
  eventually(async () => expect((await view(id)).version).toBe(version));

/** An order that is confirmed, with every event handled. */
async function confirmedOrder(): Promise<string> {
  const id = await gateway.order(ada.token);
  for (const step of ['placed', 'requested', 'confirmed'] as const) {
    await publish(id, step);
    await handled(id, STEPS[step][1]);
  }
  return id;
}

const ALL = ['order.accepted', 'order.placed.v1', 'order.payment-requested.v1', 'order.confirmed.v1'];

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

describe('the events of an order', () => {
  it('come as they happen, each with the order as it is then', async () => {
    const id = await gateway.order(ada.token);
    const client = await follow(gateway.service, eventsOf(id));
    const seen: unknown[] = [];
    await client.received(1);
    seen.push(await view(id));
    for (const [n, step] of (['placed', 'requested', 'confirmed'] as const).entries()) {
      await publish(id, step);
      await client.received(n + 2);
      seen.push(await view(id));
    }
    expect(client.events).toEqual(
      ['accepted', 'accepted.1', 'accepted.1-2', 'accepted.1-3'].map((eventId, n) => ({
        id: eventId,
        event: ALL[n],
        data: seen[n],
      })),
    );
    expect(client.events.map(({ data }) => data.status)).toEqual([
      'accepted',
      'placed',
      'awaiting-payment',
      'confirmed',
    ]);
  });

  it('are sent with headers by which nobody keeps or gathers them, and the time to come back after', async () => {
    const client = await follow(gateway.service, eventsOf(await gateway.order(ada.token)));
    const { headers, status } = client.response;
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/event-stream');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-accel-buffering')).toBe('no');
    await client.received(1);
    expect(client.text).toMatch(/^retry: [1-4]\d{3}\n\n/);
  });

  it('come to the streams of every replica without being looked for', async () => {
    const id = await gateway.order(ada.token);
    const both = await Promise.all(
      [gateway.service, replica].map((service) => follow(service, eventsOf(id))),
    );
    for (const [n, step] of (['placed', 'requested', 'confirmed'] as const).entries()) {
      await publish(id, step);
      for (const client of both) await client.received(n + 2);
    }
    for (const { types } of both) expect(types).toEqual(ALL);
  });

  it('go on at any point on another replica', async () => {
    const id = await confirmedOrder();
    const whole = await follow(gateway.service, eventsOf(id));
    await whole.received(4);
    for (const [n, { id: lastEventId }] of whole.events.slice(0, -1).entries()) {
      const rest = await follow(replica, eventsOf(id), lastEventId);
      await rest.received(3 - n);
      expect(rest.types).toEqual(ALL.slice(n + 1));
      expect(rest.lastEventId).toBe(whole.lastEventId);
    }
  });

  it('all come once, in whatever order they arrive, to a client that changes the replica after each', async () => {
    const arrivals = permutations(['placed', 'requested', 'confirmed'] as const);
    expect(arrivals).toHaveLength(6);
    await Promise.all(
      arrivals.map(async (arrival) => {
        const id = await gateway.order(ada.token);
        const types: unknown[] = [];
        const versions: number[] = [];
        let lastEventId: string | undefined;
        for (const [n, step] of ([undefined, ...arrival] as const).entries()) {
          const client = await follow(n % 2 === 0 ? gateway.service : replica, eventsOf(id), lastEventId);
          if (step) await publish(id, step);
          await client.received(1);
          types.push(...client.types);
          versions.push(...client.events.map(({ data }) => data.version));
          lastEventId = client.lastEventId;
          client.close();
        }
        expect(types).toEqual(['order.accepted', ...arrival.map((step) => STEPS[step][0])]);
        expect(versions).toEqual(versions.toSorted((a, b) => a - b));
        expect(lastEventId).toBe('accepted.1-3');
      }),
    );
  });

  it('include one that arrives late, for who follows and for who was away', async () => {
    const id = await gateway.order(ada.token);
    const client = await follow(gateway.service, eventsOf(id));
    await publish(id, 'placed');
    await client.received(2);
    await publish(id, 'confirmed');
    await client.received(3);
    const left = client.lastEventId;
    expect(left).toBe('accepted.1.3');
    await publish(id, 'requested');
    await client.received(4);
    expect(client.events.at(-1)).toMatchObject({
      id: 'accepted.1-3',
      event: 'order.payment-requested.v1',
      data: { status: 'confirmed', version: 3 },
    });
    const back = await follow(replica, eventsOf(id), left);
    await back.received(1);
    expect(back.types).toEqual(['order.payment-requested.v1']);
  });

  it('tell of a request to cancel, and of what became of it', async () => {
    const id = await confirmedOrder();
    const client = await follow(replica, eventsOf(id), 'accepted.1-3');
    await gateway.call('POST', `/v1/orders/${id}/cancellation`, {
      token: ada.token,
      headers: { 'idempotency-key': uuidv7() },
    });
    await client.received(1);
    await publish(id, 'refused');
    await client.received(2);
    expect(client.events).toMatchObject([
      {
        id: 'accepted.cancellation-requested.1-3',
        event: 'order.cancellation-requested',
        data: { cancellation: { status: 'requested' } },
      },
      {
        id: 'accepted.cancellation-requested.1-4',
        event: 'order.cancellation-refused.v1',
        data: { cancellation: { status: 'refused' } },
      },
    ]);
  });
});

describe('the events of a file', () => {
  it('come as they happen, each with the file as it is then', async () => {
    const id = (await gateway.upload(ada.token, 'people.csv', 'a,b\n1,2\n')).body.id;
    const path = `/v1/files/${id}/events`;
    const both = await Promise.all([gateway.service, replica].map((service) => follow(service, path)));
    for (const client of both) await client.received(1);
    await gateway.publishEvent('file.processed.v1', id, 2, { fileId: id, ownerId: ada.id });
    for (const client of both) {
      await client.received(2);
      expect(client.events).toMatchObject([
        { id: '1', event: 'file.uploaded.v1', data: { id, status: 'uploaded', name: 'people.csv' } },
        { id: '1-2', event: 'file.processed.v1', data: { id, status: 'processed', progress: 100 } },
      ]);
    }
    const { body } = await gateway.call('GET', `/v1/files/${id}`, { token: ada.token });
    expect(both[0]!.events.at(-1)!.data).toEqual(body);
    expect((await follow(replica, path, '1')).response.status).toBe(200);
  });

  it('end when it is done', async () => {
    const id = (await gateway.upload(ada.token, 'people.csv', 'a,b\n1,2\n')).body.id;
    const client = await follow(impatient, `/v1/files/${id}/events`);
    await client.received(1);
    await gateway.publishEvent('file.rejected.v1', id, 2, { fileId: id, ownerId: ada.id });
    await client.ended();
    expect(client.types).toEqual(['file.uploaded.v1', 'file.rejected.v1', 'end']);
    expect((await follow(impatient, `/v1/files/${id}/events`, '1-2')).response.status).toBe(204);
  });
});

/** As if all that is known of the order had become known an hour earlier. */
const letAnHourPass = (id: string): Promise<unknown> =>
  gateway.database.query(
    `UPDATE gateway.order_history SET seen_at = seen_at - interval '1 hour' WHERE order_id = $1`,
    [id],
  );

describe('the end of a stream', () => {
  it('comes when nothing more is expected, and who comes back is told to stop', async () => {
    const id = await gateway.order(ada.token);
    const client = await follow(impatient, eventsOf(id));
    for (const [n, step] of (['placed', 'requested', 'confirmed'] as const).entries()) {
      await publish(id, step);
      await client.received(n + 2);
    }
    await client.ended();
    expect(client.types).toEqual([...ALL, 'end']);
    expect(client.events.at(-1)).toEqual({ id: undefined, event: 'end', data: {} });

    const again = await follow(impatient, eventsOf(id), client.lastEventId);
    expect(again.response.status).toBe(204);
    const anew = await follow(impatient, eventsOf(id));
    await anew.ended();
    expect(anew.types).toEqual([...ALL, 'end']);
  });

  it('does not come while something is missing in the history', async () => {
    const id = await gateway.order(ada.token);
    const client = await follow(impatient, eventsOf(id));
    await publish(id, 'confirmed');
    await client.received(2);
    await publish(id, 'placed');
    await client.received(3);
    await letAnHourPass(id);
    const fresh = await follow(impatient, eventsOf(id));
    await fresh.received(3);
    await publish(id, 'requested');
    await client.ended();
    await fresh.ended();
    for (const { types } of [client, fresh])
      expect(types.slice(-2)).toEqual(['order.payment-requested.v1', 'end']);
  });

  it('does not come while a request to cancel is not answered', async () => {
    const id = await confirmedOrder();
    await gateway.call('POST', `/v1/orders/${id}/cancellation`, {
      token: ada.token,
      headers: { 'idempotency-key': uuidv7() },
    });
    await letAnHourPass(id);
    const client = await follow(impatient, eventsOf(id), 'accepted.cancellation-requested.1-3');
    expect(client.response.status).toBe(200);
    await publish(id, 'refused');
    await client.ended();
    expect(client.types).toEqual(['order.cancellation-refused.v1', 'end']);
  });

  it('is understood by an EventSource, which has every event once', async () => {
    const id = await gateway.order(ada.token);
    const answers: number[] = [];
    const source = new EventSource(new URL(eventsOf(id), impatient.url), {
      fetch: async (url, init) => {
        const answer = await fetch(url, {
          ...init,
          headers: { ...init.headers, authorization: `Bearer ${ada.token}` },
        });
        answers.push(answer.status);
        return answer;
      },
    });
    const types: string[] = [];
    for (const type of [...ALL, 'end']) source.addEventListener(type, (event) => types.push(event.type));
    try {
      for (const step of ['placed', 'requested', 'confirmed'] as const) {
        await publish(id, step);
        await eventually(() => expect(types).toContain(STEPS[step][0]));
      }
      await eventually(() => expect(source.readyState).toBe(EventSource.CLOSED));
      expect(types).toEqual([...ALL, 'end']);
      expect(answers).toEqual([200, 204]);
    } finally {
      source.close();
    }
  });
});

describe('news that are lost', () => {
  const listeners = `SELECT pid FROM pg_stat_activity WHERE application_name = 'gateway news' AND datname = current_database()`;

  it('are made up for when the listening connection is back', async () => {
    const id = await gateway.order(ada.token);
    const both = await Promise.all(
      [gateway.service, replica].map((service) => follow(service, eventsOf(id))),
    );
    for (const client of both) await client.received(1);
    const before = await gateway.database.query<{ pid: number }>(listeners);
    expect(before).toHaveLength(3);
    await gateway.database.query(`SELECT pg_terminate_backend(pid) FROM (${listeners}) AS listener`);
    await publish(id, 'placed');
    for (const client of both) await client.received(2);
    await eventually(async () => {
      const pids = (await gateway.database.query<{ pid: number }>(listeners)).map(({ pid }) => pid);
      expect(pids).toHaveLength(3);
      expect(pids.filter((pid) => before.some((old) => old.pid === pid))).toEqual([]);
    });
    await publish(id, 'requested');
    for (const client of both) await client.received(3);
  });

  it('are found by looking from time to time', async () => {
    const id = await gateway.order(ada.token);
    const looking = await follow(impatient, eventsOf(id));
    const waiting = await follow(replica, eventsOf(id));
    for (const client of [looking, waiting]) await client.received(1);
    await gateway.database.query(
      `INSERT INTO gateway.order_history (order_id, version, type, at) VALUES ($1, 1, 'order.placed.v1', now())`,
      [id],
    );
    await looking.received(2);
    expect(waiting.events).toHaveLength(1);
  });
});

describe('a stream that is open', () => {
  let busy: RunningService;
  beforeAll(async () => {
    busy = await gateway.startReplica({
      ...PATIENT,
      WARREN_STREAM_HEARTBEAT_SECONDS: '1',
      WARREN_STREAMS_PER_USER: '2',
      WARREN_STREAMS: '3',
      WARREN_TOKEN_SECONDS: '3',
    });
  });
  afterAll(() => busy?.stop());

  it('shows that it is alive', async () => {
    const client = await follow(busy, eventsOf(await gateway.order(ada.token)));
    await eventually(() => expect(client.text.match(/\n\n:\n\n:\n\n/)).not.toBeNull());
    expect(client.types).toEqual(['order.accepted']);
  });

  it('is one of so many for each user, and for the process', async () => {
    const grace = await gateway.signUp();
    const adas = eventsOf(await gateway.order(ada.token));
    const graces = eventsOf(await gateway.order(grace.token));
    const refused = async (path: string, token: string) => {
      const answer = await fetch(new URL(path, busy.url), { headers: { authorization: `Bearer ${token}` } });
      const { type } = (await answer.json()) as { type: string };
      return { status: answer.status, type, wait: Number(answer.headers.get('retry-after')) > 0 };
    };
    const first = await follow(busy, adas);
    await follow(busy, adas);
    expect(await refused(adas, ada.token)).toEqual({
      status: 429,
      type: '/problems/too-many-streams',
      wait: true,
    });
    await follow(busy, graces, undefined, grace.token);
    expect(await refused(graces, grace.token)).toEqual({
      status: 503,
      type: '/problems/no-room-for-streams',
      wait: true,
    });
    first.close();
    await eventually(async () => {
      const client = await follow(busy, graces, undefined, grace.token);
      expect(client.response.status).toBe(200);
    });
  });

  it('takes no place for a client that has left before it was opened', async () => {
    const lovelace = await gateway.signUp();
    const path = eventsOf(await gateway.order(lovelace.token));
    const { hostname, port } = new URL(busy.url);
    for (let n = 0; n < 20; n += 1) {
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      socket.write(
        `GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${lovelace.token}\r\n\r\n`,
        () => socket.resetAndDestroy(),
      );
      await once(socket, 'close');
    }
    await eventually(async () => {
      const first = await follow(busy, path, undefined, lovelace.token);
      const second = await follow(busy, path, undefined, lovelace.token);
      expect([first.response.status, second.response.status]).toEqual([200, 200]);
    });
  });

  it('ends with the token that it was opened by', async () => {
    const session = await fetch(new URL('/v1/sessions', busy.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: ada.email, password: PASSWORD }),
    });
    const { accessToken } = (await session.json()) as { accessToken: string };
    const path = eventsOf(await gateway.order(ada.token));
    const client = await follow(busy, path, undefined, accessToken);
    expect(client.response.status).toBe(200);
    await client.ended();
    expect(client.text).toMatch(/\n\n: the access token has expired\n\n$/);
    const again = await follow(busy, path, client.lastEventId, accessToken);
    expect(again.response.status).toBe(401);
  });

  it('is cut off when its client does not read, with next to nothing in memory', async () => {
    const id = await gateway.order(ada.token);
    const events = 200;
    const bytes = 500_000;
    await gateway.database.query(
      `UPDATE gateway.order_views SET lines = jsonb_build_array(jsonb_build_object('sku', repeat('x', $2::int), 'quantity', 1))
        WHERE id = $1`,
      [id, bytes],
    );
    await gateway.database.query(
      `INSERT INTO gateway.order_history (order_id, version, type, at)
         SELECT $1, n, 'order.noted.v1', now() FROM generate_series(1, $2::int) n`,
      [id, events],
    );
    const socket = await deafClient(busy, eventsOf(id), ada.token);
    await once(socket, 'readable');
    // The other place of this user can be taken again and again, this one only once the deaf client is gone.
    await follow(busy, eventsOf(await gateway.order(ada.token)));
    await eventually(async () => {
      const client = await follow(busy, eventsOf(await gateway.order(ada.token)));
      expect(client.response.status).toBe(200);
    });
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    socket.on('error', () => undefined); // a reset is one way to be cut off
    if (!socket.closed) await once(socket, 'close');
    expect(received).toBeLessThan((events * bytes) / 2);
  });
});

/** A client that sends a request and then reads nothing. */
async function deafClient(service: RunningService, path: string, token: string): Promise<Socket> {
  const { hostname, port } = new URL(service.url);
  const socket = connect({ port: Number(port), host: hostname, highWaterMark: 1_024 } as never);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${token}\r\n\r\n`);
  return socket;
}

describe('a replica that stops', () => {
  it('ends its streams at once, also those that nobody reads, and they go on at another', async () => {
    const leaving = await gateway.startReplica({ ...PATIENT, WARREN_SHUTDOWN_SECONDS: '60' });
    const id = await gateway.order(ada.token);
    const client = await follow(leaving, eventsOf(id));
    await client.received(1);
    const huge = await gateway.order(ada.token);
    await gateway.database.query(
      `UPDATE gateway.order_views SET lines = jsonb_build_array(jsonb_build_object('sku', repeat('x', 50000000), 'quantity', 1))
        WHERE id = $1`,
      [huge],
    );
    const socket = await deafClient(leaving, eventsOf(huge), ada.token);
    await once(socket, 'readable');
    const started = performance.now();
    await leaving.stop();
    expect(performance.now() - started).toBeLessThan(10_000);
    await client.ended();
    socket.destroy();

    await publish(id, 'placed');
    const back = await follow(replica, eventsOf(id), client.lastEventId);
    await back.received(1);
    expect(back.types).toEqual(['order.placed.v1']);
  });
});

describe('a request for events', () => {
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) =>
    gateway.call(method, path, { token: ada.token, headers });

  it('is refused for what is not the caller’s', async () => {
    const grace = await gateway.signUp();
    const order = await gateway.order(grace.token);
    const file = (await gateway.upload(grace.token, 'a.txt', 'a')).body.id;
    for (const path of [eventsOf(order), eventsOf(uuidv7()), `/v1/files/${file}/events`]) {
      expect((await ask('GET', path)).body).toMatchObject({ status: 404, type: '/problems/not-found' });
    }
  });

  it('is refused without a token', async () => {
    const { body } = await gateway.call('GET', eventsOf(await gateway.order(ada.token)));
    expect(body).toMatchObject({ status: 401, type: '/problems/missing-token' });
  });

  it.each([
    ['of another form', 'x_y'],
    ['of a version that there is not', '0'],
    ['with a range that goes back', '3-1'],
    ['with a type in it', 'order.placed.v1; drop'],
    ['longer than any id', '1'.repeat(3_000)],
  ])('is refused with a Last-Event-ID %s', async (_what, lastEventId) => {
    const path = eventsOf(await gateway.order(ada.token));
    const { body } = await ask('GET', path, { 'last-event-id': lastEventId });
    expect(body).toMatchObject({
      status: 400,
      type: '/problems/validation',
      errors: [{ in: 'header', pointer: '/last-event-id' }],
    });
  });

  it('is refused for what is no id', async () => {
    expect((await ask('GET', eventsOf('1'))).body).toMatchObject({
      status: 400,
      type: '/problems/validation',
    });
  });

  it('may be a HEAD, which opens no stream, and nothing else', async () => {
    const path = eventsOf(await gateway.order(ada.token));
    const head = await ask('HEAD', path);
    expect({ status: head.status, type: head.headers.get('content-type'), body: head.body }).toEqual({
      status: 200,
      type: 'text/event-stream',
      body: '',
    });
    const post = await gateway.call('POST', path, { token: ada.token, json: {} });
    expect(post.status).toBe(405);
    expect(post.headers.get('allow')).toBe('GET, HEAD');
  });
});
