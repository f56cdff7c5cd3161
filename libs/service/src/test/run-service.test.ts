import { createServer, type AddressInfo } from 'node:net';
import {
  createTcpProxy,
  createTestBroker,
  createTestDatabase,
  eventually,
  type TestBroker,
  type TestDatabase,
} from '@warren/testing';
import { ServiceProcess } from './service-process.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('a service as a process', () => {
  let broker: TestBroker;
  let database: TestDatabase;
  const processes: ServiceProcess[] = [];

  beforeAll(async () => {
    [broker, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
  });

  afterEach(async () => {
    for (const each of processes.splice(0)) await each.end();
  });

  afterAll(async () => {
    await Promise.all([broker.close(), database.close()]);
  });

  function run(args: string[] = [], environment: Record<string, string> = {}): ServiceProcess {
    const started = new ServiceProcess(args, {
      WARREN_DATABASE_URL: database.url,
      WARREN_AMQP_URL: broker.url,
      WARREN_HTTP_PORT: '0',
      ...environment,
    });
    processes.push(started);
    return started;
  }

  const listening = (service: ServiceProcess) => eventually(() => service.url, { timeoutMs: 40_000 });

  it('explains itself', async () => {
    const service = run(['--help'], { WARREN_DATABASE_URL: '' });
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.output).toContain('THING_LIMIT  (integer 1..10, default 3)');
  });

  it('refuses a command that it does not know', async () => {
    const service = run(['sevre']);
    expect(await service.exited).toEqual({ code: 64, signal: null });
    expect(service.output).toContain('unknown command "sevre"; --help shows what there is');
  });

  it('reports every wrong variable at once and does not start', async () => {
    const service = run([], { WARREN_AMQP_URL: '', THING_LIMIT: '11' });
    expect(await service.exited).toEqual({ code: 78, signal: null });
    expect(service.output).toContain('2 environment variables are missing or wrong');
    expect(service.output).toContain('THING_LIMIT      must be a whole number from 1 to 10, not "11"');
  });

  it('tells a wrong password or database from a server that is away', async () => {
    const url = new URL(database.url);
    url.pathname = '/no_such_database';
    const service = run([], { WARREN_DATABASE_URL: url.href });
    expect(await service.exited).toEqual({ code: 78, signal: null });
    expect(service.output).toMatch(
      /WARREN_DATABASE_URL {2}is refused: database "no_such_database" does not exist/,
    );
  });

  it('declares its queues and exits, before it has ever run', async () => {
    const declaring = run(['declare']);
    expect(await declaring.exited).toEqual({ code: 0, signal: null });
    expect(declaring.output).toContain('every queue is declared and bound');
    const queues = await broker.management.call<{ name: string }[]>('GET', `/queues/${broker.vhost}`);
    expect(queues.map(({ name }) => name)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^thing-service\.[a-z]+$/)]),
    );
  });

  it('migrates and exits, and has nothing to do the second time', async () => {
    const first = run(['migrate']);
    expect(await first.exited).toEqual({ code: 0, signal: null });
    expect(first.lines.map(({ msg }) => msg)).toContain('migrated: CreateThings1700000000000');
    const second = run(['migrate']);
    expect(await second.exited).toEqual({ code: 0, signal: null });
    expect(second.lines.at(-1)!.msg).toBe('thing_service is up to date');
  });

  it('says what to do when the schema is missing and its role may not make it', async () => {
    const own = await createTestDatabase();
    const role = `thing_${own.name}`;
    await own.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    const url = new URL(own.url);
    url.username = role;
    url.password = 'secret';
    const service = run(['migrate'], { WARREN_DATABASE_URL: url.href });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.output).toContain('as an administrator, run CREATE SCHEMA thing_service AUTHORIZATION');

    await own.query(`CREATE SCHEMA thing_service AUTHORIZATION ${role}`);
    expect(await run(['migrate'], { WARREN_DATABASE_URL: url.href }).exited).toEqual({
      code: 0,
      signal: null,
    });
    await own.close();
    await database.query(`DROP ROLE ${role}`);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops gracefully on %s, with exit code 0', async (signal) => {
    const service = run();
    await listening(service);
    service.child.kill(signal);
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.lines.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining([`${signal}: stopping`, 'stopped']),
    );
  });

  it('logs requests with route and correlation id, and no secrets', async () => {
    const service = run();
    const url = await listening(service);
    await fetch(`${url}/things/broken?token=hunter3`, {
      headers: { authorization: 'Bearer abcdefghijklmnop' },
    });
    const line = await eventually(() => {
      const found = service.lines.find(({ msg }) => msg === 'GET /things/broken 500');
      if (!found) throw new Error('not logged yet');
      return found;
    });
    expect(line).toMatchObject({
      level: 'info',
      service: 'thing-service',
      context: 'Http',
      route: '/things/broken',
      status: 500,
      correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const failure = service.lines.find(({ level }) => level === 'error')!;
    expect(failure['correlationId']).toBe(line['correlationId']);
    expect(failure['err']).toMatchObject({
      message: 'connect to postgres://[redacted]@db failed for [redacted]',
    });
    expect(service.output).not.toMatch(/hunter|ann@|abcdefghijklmnop/);
  });

  it.each([
    ['crash', 'an exception was not caught', 'thrown where nobody catches it'],
    ['reject', 'a rejected promise was not handled', 'rejected where nobody handles it'],
  ])(
    'ends with exit code 1 after a %s that nobody handles, and says what it was',
    async (path, what, message) => {
      const service = run();
      const url = await listening(service);
      await fetch(`${url}/things/${path}`).catch(() => undefined);
      expect(await service.exited).toEqual({ code: 1, signal: null });
      expect(service.lines.at(-1)).toMatchObject({ level: 'fatal', msg: what, err: { message } });
    },
  );

  it('waits for its database visibly, alive but not ready, and starts when it comes', async () => {
    const { hostname, port } = new URL(database.url);
    const proxy = await createTcpProxy(hostname, Number(port));
    await proxy.refuse();
    const httpPort = await freePort();
    const url = `http://127.0.0.1:${httpPort}`;
    const service = run([], {
      WARREN_DATABASE_URL: proxy.through(database.url),
      WARREN_HTTP_PORT: String(httpPort),
    });
    await eventually(async () => expect((await fetch(`${url}/health/live`)).status).toBe(200), {
      timeoutMs: 40_000,
    });
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ status: 503, detail: 'the database is away' });
    expect(
      service.lines.some(({ level, msg }) => level === 'warn' && msg.startsWith('the database is away')),
    ).toBe(true);

    await proxy.restore();
    await listening(service);
    await eventually(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(200));
    service.child.kill('SIGTERM');
    expect((await service.exited).code).toBe(0);
    await proxy.close();
  });

  it('can be stopped while it waits for its database', async () => {
    const service = run([], { WARREN_DATABASE_URL: 'postgres://u:p@127.0.0.1:1/nowhere' });
    await eventually(() => expect(service.output).toContain('the database is away'), { timeoutMs: 40_000 });
    service.child.kill('SIGTERM');
    expect(await service.exited).toEqual({ code: 0, signal: null });
  });

  it('leaves migrations to somebody else where it is told to, and waits for them', async () => {
    const own = await createTestDatabase();
    const service = run([], { WARREN_DATABASE_URL: own.url, WARREN_MIGRATE: 'false' });
    await eventually(() => expect(service.output).toMatch(/waiting for \d migrations .*CreateThings/), {
      timeoutMs: 40_000,
    });
    expect(await run(['migrate'], { WARREN_DATABASE_URL: own.url }).exited).toMatchObject({ code: 0 });
    await listening(service);
    await service.end();
    await own.close();
  });
});
