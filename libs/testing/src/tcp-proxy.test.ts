import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { eventually } from './eventually.ts';
import { createTcpProxy, type TcpProxy } from './tcp-proxy.ts';

describe('a TCP proxy', () => {
  let echo: Server;
  let proxy: TcpProxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    echo = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    proxy = await createTcpProxy('127.0.0.1', (echo.address() as AddressInfo).port);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.close();
    await new Promise((resolve) => echo.close(resolve));
  });

  async function connected(): Promise<{ client: Socket; received: () => string }> {
    const client = connect({ host: proxy.host, port: proxy.port });
    clients.push(client);
    let text = '';
    client.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(client, 'connect');
    return { client, received: () => text };
  }

  it('carries bytes both ways, far more than it buffers, and passes the end of a stream on', async () => {
    const { client, received } = await connected();
    const sent = 'abcdefghij'.repeat(1_000_000);
    client.end(sent);
    await once(client, 'end');
    expect(received() === sent).toBe(true);
    await eventually(() => expect(proxy.connections).toBe(0));
  });

  it('puts itself in the place of an address and keeps credentials and path', () => {
    expect(proxy.through('amqp://u:p@broker:5672/vhost')).toBe(`amqp://u:p@127.0.0.1:${proxy.port}/vhost`);
  });

  it('resets open connections when cut, and lets new ones through', async () => {
    const { client } = await connected();
    const failed = once(client, 'error');
    await eventually(() => expect(proxy.connections).toBe(1));
    expect(proxy.cut()).toBe(1);
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });

    const second = await connected();
    second.client.write('again');
    await eventually(() => expect(second.received()).toBe('again'));
  });

  it('is silent while it is a blackhole, and delivers what was held once restored', async () => {
    const { client, received } = await connected();
    client.write('before');
    await eventually(() => expect(received()).toBe('before'));

    proxy.blackhole();
    client.write(' during');
    const newcomer = await connected();
    newcomer.client.write('hello');
    await expect(
      eventually(() => expect(received() + newcomer.received()).not.toBe('before'), { timeoutMs: 200 }),
    ).rejects.toThrow();
    expect(client.destroyed || newcomer.client.destroyed).toBe(false);

    await proxy.restore();
    await eventually(() => expect(received()).toBe('before during'));
    await eventually(() => expect(newcomer.received()).toBe('hello'));
  });

  it('refuses connections on the same port until it is restored', async () => {
    const { client } = await connected();
    const failed = once(client, 'error');
    await proxy.refuse();
    await failed;
    await expect(connected()).rejects.toMatchObject({ code: 'ECONNREFUSED' });

    await proxy.restore();
    const { client: later, received } = await connected();
    later.write('back');
    await eventually(() => expect(received()).toBe('back'));
  });

  it('holds bytes back for the delay, in order', async () => {
    const { client, received } = await connected();
    proxy.delay(120);
    const start = performance.now();
    client.write('one ');
    await eventually(() => expect(proxy.connections).toBe(1));
    client.write('two');
    await eventually(() => expect(received()).toBe('one two'));
    expect(performance.now() - start).toBeGreaterThanOrEqual(240);
  });

  it('resets the client when nothing listens behind it', async () => {
    const { port } = echo.address() as AddressInfo;
    await new Promise((resolve) => echo.close(resolve));
    const orphan = await createTcpProxy('127.0.0.1', port);
    const client = connect({ host: orphan.host, port: orphan.port });
    clients.push(client);
    expect((await once(client, 'error'))[0]).toMatchObject({ code: 'ECONNRESET' });
    await orphan.close();
  });
});
