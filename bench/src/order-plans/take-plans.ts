import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { LOCAL_DIRECTORY } from '@warren/tools/config.ts';
import { Lab } from '../lab.ts';
import { currentLoad, describeMachine } from '../machine.ts';
import { UsageError } from '../options.ts';
import { OrderSurroundings, SCHEMA } from '../order-service.ts';
import type { Progress } from '../progress.ts';
import { readExplained } from './explained.ts';
import { fillOrders } from './fill.ts';
import { summarize, type Ran, type Summary } from './judge.ts';
import { PATHS, PathShop } from './paths.ts';
import { renderPlans } from './render-plans.ts';

const ORDERS = 1_000_000;
const RESULT = fileURLToPath(new URL('../../results/order-plans.md', import.meta.url));

/** A connection prepares a statement at its sixth use, and may plan it for all parameters from five uses later on. */
const TURNS = { auto: 20, force_generic_plan: 3 } as const;
/** The server writes its log behind the answer. */
const LOG_LAG_MS = 200;

/** auto_explain's settings: https://www.postgresql.org/docs/current/auto-explain.html */
const EXPLAINING: Readonly<Record<string, string>> = {
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_analyze': 'on',
  'auto_explain.log_buffers': 'on',
  'auto_explain.log_nested_statements': 'on',
  'auto_explain.log_parameter_max_length': '0',
  'auto_explain.log_format': 'json',
};

/**
 * Takes the real order-service through all its paths on a database with a million orders, and looks at the plan of
 * every statement that it sends.
 *
 * @throws when a plan reads a table from end to end, or too much for one order
 */
export async function takePlans(args: readonly string[], progress: Progress): Promise<void> {
  const orders = numberOfOrders(args);
  const loadBefore = currentLoad();
  const lab = await Lab.open({ quick: false, profile: false, report: (text) => progress.line(text) });
  let summaries: Summary[];
  let machine;
  try {
    machine = describeMachine(await lab.versions(), loadBefore);
    summaries = await explainAll(lab, orders, progress);
  } finally {
    progress.passing('Stopping the servers');
    await lab.close();
  }
  const file = orders === ORDERS ? RESULT : join(LOCAL_DIRECTORY, 'bench/quick/order-plans.md');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, renderPlans({ summaries, orders, machine, date: new Date().toISOString() }));
  progress.line(`\n${summaries.length} plans: ${file}`);
  const bad = summaries.filter(({ faults }) => faults.length > 0);
  if (bad.length > 0) {
    const told = bad.map(
      (one) =>
        `  ${one.paths.join('; ')}: ${one.faults.join(', ')}\n    ${one.accesses}\n    ${one.statement}`,
    );
    throw new Error(
      `${bad.length} of ${summaries.length} plans with ${orders} orders are bad ones. ` +
        `Give the table an index in a migration, or put the statement in another way:\n${told.join('\n')}`,
    );
  }
}

function numberOfOrders(args: readonly string[]): number {
  let values;
  try {
    ({ values } = parseArgs({ args: [...args], options: { orders: { type: 'string' } } }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const orders = Number(values.orders ?? ORDERS);
  if (Number.isInteger(orders) && orders >= 20_000) return orders;
  throw new UsageError(`--orders must be a whole number from 20000 on, not "${values.orders}"`);
}

async function explainAll(lab: Lab, orders: number, progress: Progress): Promise<Summary[]> {
  const surroundings = await OrderSurroundings.open(lab, 'plans');
  const { amqpUrl, databaseUrl } = surroundings;
  // The first start makes the tables, and the queues.
  await (await surroundings.startReplica(lab)).stop();
  progress.line(`Filling in ${orders} orders`);
  const sizes = await lab.onDatabase(databaseUrl, async (client) => {
    await fillOrders(client, orders);
    return sizesOf(client);
  });
  const db = new Client({ connectionString: databaseUrl, options: `-c search_path=${SCHEMA}` });
  await db.connect(); // before auto_explain comes to the sessions of this database
  const channel = await (await lab.connect(amqpUrl)).createConfirmChannel();
  try {
    await set(db, EXPLAINING);
    const shop = new PathShop(db, channel);
    const ran: Ran[] = [];
    for (const [mode, turns] of Object.entries(TURNS)) {
      await set(db, { plan_cache_mode: mode });
      // Few connections, so that each comes to know its statements well.
      const service = await surroundings.startReplica(lab, { WARREN_DATABASE_POOL_SIZE: '4' });
      for (const path of PATHS) {
        progress.line(`  ${path.name} (${mode})`);
        for (let turn = 0; turn < turns; turn += 1) {
          const start = (await stat(lab.postgresLog)).size;
          const forOrders = await path.take(shop);
          await delay(LOG_LAG_MS);
          const explained = await readExplained(lab.postgresLog, start);
          ran.push(...explained.map((one) => ({ ...one, path: path.name, orders: forOrders })));
        }
      }
      await service.stop();
    }
    return summarize(ran, sizes);
  } finally {
    await db.end();
  }
}

/** For all sessions of the database that begin after this. */
async function set(db: Client, settings: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    const { rows } = await db.query<{ command: string }>(
      `SELECT format('ALTER DATABASE %I SET %s = %L', current_database(), $1::text, $2::text) AS command`,
      [name, value],
    );
    await db.query(rows[0]!.command);
  }
}

async function sizesOf(client: Client): Promise<Map<string, number>> {
  const { rows } = await client.query<{ relname: string; rows: number }>(
    `SELECT relname, reltuples::float8 AS rows FROM pg_class
      WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p')`,
    [SCHEMA],
  );
  return new Map(rows.map((row) => [row.relname, row.rows]));
}
