import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { isAlive } from '../processes/process-control.ts';
import { removePostgres, startPostgres } from './postgres.ts';

const OWNER = fileURLToPath(new URL('./test/database-owner.ts', import.meta.url));
let parent: string;
let directory: string;

beforeEach(async () => {
  // As root, the server's account cannot pass this directory: a clone in a place like this has to work too.
  parent = await mkdtemp(join(tmpdir(), 'warren-postgres-'));
  directory = join(parent, 'server');
});

afterEach(async () => {
  await removePostgres(directory);
  await rm(parent, { recursive: true });
});

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('startPostgres', () => {
  it('has its data, password and port again after it was killed', async () => {
    const first = await startPostgres({ directory, fsync: false });
    await ask(first.url, 'CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)');
    first.kill('SIGKILL');
    await first.exited;

    const second = await startPostgres({ directory, fsync: false });
    expect(second.url).toBe(first.url);
    expect(await ask(second.url, 'SELECT id FROM kept')).toEqual([{ id: 7 }]);
    await second.stop();
    expect(isAlive(second.pid)).toBe(false);
  });

  it('starts on the directory of a server whose owner was killed, running or not', async () => {
    const owner = spawn(process.execPath, [OWNER, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [chunk] = (await once(owner.stdout, 'data')) as [Buffer];
    const left = JSON.parse(chunk.toString()) as { pid: number; url: string };
    owner.kill('SIGKILL');

    const server = await startPostgres({ directory, fsync: false });
    expect(isAlive(left.pid)).toBe(false);
    expect(server.url).toBe(left.url);
    await server.stop();
  });

  it('takes another port and disturbs nobody when the wanted one is taken', async () => {
    const somebody = createServer();
    await new Promise<void>((resolve) => somebody.listen({ host: '127.0.0.1', port: 0 }, resolve));
    const { port } = somebody.address() as { port: number };
    try {
      const server = await startPostgres({ directory, fsync: false, port });
      expect(server.port).not.toBe(port);
      await server.stop();
      expect(somebody.listening).toBe(true);
    } finally {
      await new Promise((resolve) => somebody.close(resolve));
    }
  });

  it('listens on this machine only and asks for the password', async () => {
    const server = await startPostgres({ directory, fsync: false });
    const url = new URL(server.url);
    url.password = 'wrong';

    expect(await ask(server.url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    await expect(ask(url.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    await server.stop();
  });
});
