import { createTcpProxy, createTestDatabase } from '@warren/testing';
import { Pool } from 'pg';
import { ImpatientClient } from '../database/impatient-client.ts';

it('leaves nothing of a transaction whose statement timed out, for the next one to commit', async () => {
  const database = await createTestDatabase();
  const url = new URL(database.url);
  const proxy = await createTcpProxy(url.hostname, Number(url.port));
  await database.query('CREATE TABLE effects (name text)');
  const pool = new Pool({
    connectionString: proxy.through(database.url),
    max: 1,
    query_timeout: 300,
    Client: ImpatientClient,
  });
  pool.on('error', () => undefined); // the connection is cut on purpose
  const client = await pool.connect();
  client.on('error', () => undefined);
  await client.query('BEGIN');
  await client.query(`INSERT INTO effects VALUES ('first')`);
  proxy.blackhole();
  await expect(client.query('SELECT 1')).rejects.toThrow('Query read timeout');
  await expect(client.query('ROLLBACK')).rejects.toThrow();
  client.release();
  await proxy.restore();
  const next = await pool.connect();
  await next.query('BEGIN');
  await next.query(`INSERT INTO effects VALUES ('second')`);
  await next.query('COMMIT');
  next.release();
  expect(await database.query('SELECT name FROM effects')).toEqual([{ name: 'second' }]);
  await pool.end();
  await proxy.close();
  await database.close();
});
