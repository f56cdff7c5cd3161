import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { Jobs } from '@warren/messaging';
import {
  captureMessages,
  createTcpProxy,
  createTestBroker,
  createTestDatabase,
  eventually,
  type TcpProxy,
  type TestBroker,
  type TestDatabase,
} from '@warren/testing';
import { DataSource } from 'typeorm';
import { defineService } from '../define-service.ts';
import { StopTookTooLong, startService, type RunningService } from '../start-service.ts';
import { Gate, outboxThingService, PolishThing, thingService } from './thing-service.ts';

interface Answer {
  status: number;
  type: string | null;
  body: any;
  headers: Headers;
}

async function get(service: { url: string }, path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(service.url + path, init);
  const text = await response.text();
  const type = response.headers.get('content-type');
  return {
    status: response.status,
    type,
    body: type?.includes('json') ? JSON.parse(text) : text,
    headers: response.headers,
  };
}

describe('a service in this process', () => {
  let broker: TestBroker;
  let database: TestDatabase;
  const proxies: TcpProxy[] = [];
  const services: RunningService<any>[] = [];

  beforeEach(async () => {
    [broker, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
  });

  afterEach(async () => {
    await Promise.all(proxies.map((proxy) => proxy.restore()));
    for (const service of services.splice(0)) await service.stop();
    for (const proxy of proxies.splice(0)) await proxy.close();
    await Promise.all([broker.close(), database.close()]);
  });

  const environment = (more: Record<string, string> = {}) => ({
    WARREN_DATABASE_URL: database.url,
    WARREN_AMQP_URL: broker.url,
    WARREN_HTTP_PORT: '0',
    WARREN_LOG_LEVEL: 'silent',
    ...more,
  });

  async function start(definition = thingService, more: Record<string, string> = {}) {
    const service = await startService(definition, environment(more));
    services.push(service);
    return service;
  }

  async function proxyTo(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const proxy = await createTcpProxy(hostname, Number(port));
    proxies.push(proxy);
    return proxy;
  }

  const ready = (service: { url: string }) =>
    eventually(async () => {
      const answer = await get(service, '/health/ready');
      expect(answer.body).toMatchObject({ status: 'ok' });
      return answer;
    });

  it('carries the id of a request through its flow, the outbox, the broker and the handler', async () => {
    const service = await start(thingService, { THING_GREETING: 'ahoy' });
    await ready(service);
    expect((await get(service, '/things/greeting')).body).toMatchObject({ greeting: 'ahoy' });

    const captured = await captureMessages(broker.url, 'things.events', '#');
    const answer = await get(service, '/things', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'kettle' }),
    });
    const id = answer.headers.get('x-request-id');
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(answer).toMatchObject({ status: 202, body: { name: 'kettle', flow: { correlationId: id } } });
    expect((await captured.next()).json()).toMatchObject({ type: 'thing.made.v1', correlationid: id });
    await eventually(async () =>
      expect(await database.query('SELECT * FROM thing_service.heard')).toEqual([
        { name: 'kettle', correlation_id: id },
      ]),
    );
    await captured.close();
  });

  it('is ready when the database answers and every queue is consumed, and names what is missing', async () => {
    const proxy = await proxyTo(database.url);
    const service = await start(thingService, { WARREN_DATABASE_URL: proxy.through(database.url) });
    expect((await ready(service)).body.details).toEqual({
      database: { status: 'up' },
      'queue thing-service.things': { status: 'up' },
    });

    await proxy.refuse();
    const answer = await get(service, '/health/ready');
    expect(answer).toMatchObject({
      status: 503,
      type: 'application/problem+json; charset=utf-8',
      body: { type: '/problems/not-ready', status: 503, details: { database: { status: 'down' } } },
    });
    expect(answer.body.detail).toContain('database: the database does not answer');
    expect(await get(service, '/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });

    await proxy.restore();
    await ready(service);
  });

  it('starts without the broker, is not ready as a worker until it comes, and then is', async () => {
    const proxy = await proxyTo(broker.url);
    await proxy.refuse();
    const service = await start(thingService, { WARREN_AMQP_URL: proxy.through(broker.url) });
    const answer = await get(service, '/health/ready');
    expect(answer.body).toMatchObject({
      status: 503,
      details: { 'queue thing-service.things': { status: 'down' } },
    });
    expect(answer.body.details['queue thing-service.things'].message).toBeTruthy();

    await proxy.restore();
    await ready(service);
  });

  it('goes on accepting work without the broker where the outbox has room, degraded but ready', async () => {
    const proxy = await proxyTo(broker.url);
    await proxy.refuse();
    const service = await start(outboxThingService, {
      WARREN_AMQP_URL: proxy.through(broker.url),
      WARREN_OUTBOX_LIMIT: '2',
    });
    const make = () =>
      get(service, '/things', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"name":"cup"}',
      });
    await make();
    expect(await get(service, '/health/ready')).toMatchObject({
      status: 200,
      body: {
        status: 'degraded',
        details: { database: { status: 'up' }, outbox: { status: 'up' }, broker: { status: 'degraded' } },
      },
    });

    await make();
    expect((await get(service, '/health/ready')).body).toMatchObject({
      status: 503,
      detail: expect.stringContaining('outbox: 2 messages wait in the outbox, and 2 is the limit'),
    });

    await proxy.restore();
    await ready(service);
  });

  it('shows its metrics in the format of Prometheus, messaging included', async () => {
    const service = await start();
    await ready(service);
    await get(service, '/things/greeting');
    await eventually(async () => {
      const { status, type, body } = await get(service, '/metrics');
      expect({ status, type }).toEqual({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
      expect(body).toMatch(/http_server_request_duration\S*_count\{.*http_route="\/things\/greeting".*\} \d/);
      expect(body).toMatch(/^process_memory_usage/m);
    });
  });

  it('answers every error as a problem, and tells nobody what went wrong inside', async () => {
    const service = await start();
    const problem = async (path: string, init?: RequestInit) => {
      const { type, body, status } = await get(service, path, init);
      expect(type).toBe('application/problem+json; charset=utf-8');
      expect(body.status).toBe(status);
      return body;
    };
    const post = (body: string, type = 'application/json') => ({
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    expect(await problem('/nowhere')).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404 });
    expect(await problem('/things', post('{"name":'))).toMatchObject({ status: 400 });
    expect(await problem('/things', post('x', 'application/x-unknown'))).toMatchObject({ status: 415 });
    expect(await problem('/things', post(JSON.stringify({ name: 'x'.repeat(2 ** 21) })))).toMatchObject({
      status: 413,
    });
    expect(await problem('/things/%zz')).toMatchObject({ status: 400 });
    const broken = await problem('/things/broken');
    expect(broken).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500 });
  });

  it('runs as many jobs at once, under such leases, and keeps them for as long as the environment says', async () => {
    async function polishSix(jobConcurrency: string) {
      const service = await start(thingService, {
        WARREN_JOB_CONCURRENCY: jobConcurrency,
        WARREN_JOB_LEASE_SECONDS: '77',
      });
      const jobs = service.app.get(Jobs);
      await service.app.get(DataSource).transaction(async (tx) => {
        for (let i = 0; i < 6; i++) await jobs.enqueue(tx, PolishThing, { name: `${jobConcurrency} ${i}` });
      });
      await eventually(async () => expect(await jobs.list({ state: 'done' })).toHaveLength(6));
      await service.stop();
    }
    const together = () =>
      database.query(
        `SELECT 1 FROM thing_service.jobs a JOIN thing_service.jobs b ON a.id < b.id
         WHERE a.started_at < b.finished_at AND b.started_at < a.finished_at`,
      );
    await polishSix('1');
    expect(await together()).toEqual([]);
    const leases = await database.query<{ lease_seconds: number }>('SELECT * FROM thing_service.polished');
    for (const { lease_seconds } of leases) expect(lease_seconds).toBeCloseTo(77, 1);

    await database.query('DELETE FROM thing_service.jobs');
    await polishSix('6');
    expect(await together()).not.toEqual([]);

    await start(thingService, { WARREN_JOB_RETENTION_DAYS: '0' });
    await eventually(async () =>
      expect(await database.query('SELECT 1 FROM thing_service.jobs')).toEqual([]),
    );
  });

  it('says that its port is taken, and leaves nothing open', async () => {
    const { port } = new URL((await start()).url);
    await expect(startService(thingService, environment({ WARREN_HTTP_PORT: port }))).rejects.toThrow(
      `WARREN_HTTP_PORT  ${port} is taken on 127.0.0.1`,
    );
  });

  it('answers what is no HTTP with a problem too', async () => {
    const service = await start();
    const socket = connectTcp(Number(new URL(service.url).port), '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
    socket.end('NONSENSE\r\n\r\n');
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*application\/problem\+json.*"status":400/s);
  });

  it('finishes requests in hand before it closes the database under them, and takes no new ones', async () => {
    const service = await start();
    const gate = service.app.get(Gate);
    const slow = get(service, '/things/slow');
    await eventually(() => expect(gate.entered).toBe(1));

    const stopping = service.stop();
    await eventually(() => expect(get(service, '/health/live')).rejects.toThrow('fetch failed'));
    gate.open();
    expect(await slow).toMatchObject({ status: 200, body: [{ answered: 1 }] });
    expect((await slow).headers.get('connection')).toBe('close');
    await stopping;
    expect(service.stop()).toBe(service.stop());
    const open = await database.query(`SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'thing%'`);
    expect(open).toHaveLength(0);
  });

  it('does not wait for connections that were opened in advance and never used', async () => {
    const service = await start();
    const { hostname, port } = new URL(service.url);
    const unused = connectTcp(Number(port), hostname);
    await once(unused, 'connect');
    await get(service, '/health/live');
    const started = performance.now();
    await service.stop();
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('cuts off a request that does not end, so that the stop comes within its deadline', async () => {
    const service = await start(thingService, { WARREN_SHUTDOWN_SECONDS: '2' });
    const gate = service.app.get(Gate);
    const slow = get(service, '/things/slow');
    await eventually(() => expect(gate.entered).toBe(1));
    const stopping = service.stop();
    await expect(slow).rejects.toThrow('fetch failed');
    await stopping;
  });

  it('says so when even that is not enough', async () => {
    const gate = new Gate();
    class StuckModule {
      onModuleDestroy(): Promise<void> {
        return gate.pass();
      }
    }
    const stuck = defineService({
      ...thingService,
      module: (config) => ({ module: StuckModule, imports: [thingService.module(config)] }),
    });
    const service = await startService(stuck, environment({ WARREN_SHUTDOWN_SECONDS: '1' }));
    await expect(service.stop()).rejects.toThrow(StopTookTooLong);
    gate.open();
    await service.app.close();
  });
});

describe('the migrations of a service', () => {
  it('run once when replicas start together, each under its own connection', async () => {
    const [broker, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
    const environment = {
      WARREN_DATABASE_URL: database.url,
      WARREN_AMQP_URL: broker.url,
      WARREN_HTTP_PORT: '0',
      WARREN_LOG_LEVEL: 'silent',
    };
    const replicas = await Promise.all([1, 2, 3].map(() => startService(thingService, environment)));
    const rows = await database.query<{ name: string }>(
      'SELECT name FROM thing_service.migrations ORDER BY id',
    );
    expect(rows.map(({ name }) => name)).toContain('CreateThings1700000000000');
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    for (const replica of replicas) await replica.stop();
    await Promise.all([broker.close(), database.close()]);
  });
});
