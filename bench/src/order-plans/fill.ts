import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'pg';
import { ROOT } from '@warren/tools/config.ts';
import { SCHEMA } from '../order-service.ts';

const FILLING = join(ROOT, 'apps/order-service/src/test/many-orders.sql');

/** Fills the tables of order-service as a year of so many orders leaves them. */
export async function fillOrders(client: Client, orders: number): Promise<void> {
  await client.query(`SET search_path TO ${SCHEMA}`);
  await client.query(`SELECT set_config('warren.orders', $1, false)`, [String(orders)]);
  await client.query(await readFile(FILLING, 'utf8'));
  await client.query('VACUUM (ANALYZE)');
}
