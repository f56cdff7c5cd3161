/** Keeps a list of Warren's customers and how their orders went. README.md says how to run it. */
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'amqplib';
import { fetchSchema, GatewayAway, Malformed, Misconfigured, readerOf } from './contracts.js';
import { Customers } from './customers.js';
import { readOptions } from './options.js';

const SUBSCRIPTIONS = [
  { exchange: 'users.events', type: 'user.registered.v1' },
  { exchange: 'orders.events', type: 'order.placed.v1' },
  { exchange: 'orders.events', type: 'order.confirmed.v1' },
  { exchange: 'orders.events', type: 'order.rejected.v1' },
];
const DEAD_LETTER_EXCHANGE = 'guest-consumer.dead-letter';
const PREFETCH = 20;

const [ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, NOT_ALLOWED] = [403, 404, 406, 530];

const log = (text) => console.error(`${new Date().toISOString()} ${text}`);

/** Milliseconds to wait: twice as long after each failure, up to 30 s, of which a random half. */
class Backoff {
  #failures = 0;

  next() {
    this.#failures = Math.min(this.#failures + 1, 6);
    const longest = Math.min(30_000, 500 * 2 ** this.#failures);
    return longest * (0.5 + Math.random() / 2);
  }

  reset() {
    this.#failures = 0;
  }
}

/** Aborted by SIGTERM and SIGINT; what is in hand is finished first. */
const stop = new AbortController();
const stopped = new Promise((resolve) => stop.signal.addEventListener('abort', resolve));

/** Returns early when asked to stop. */
async function pause(ms) {
  const early = new AbortController();
  await Promise.race([delay(ms, undefined, { signal: early.signal }).catch(() => undefined), stopped]);
  early.abort();
}

async function fetchReader(gateway) {
  const backoff = new Backoff();
  while (!stop.signal.aborted) {
    try {
      const schemas = SUBSCRIPTIONS.map(async ({ type }) => [type, await fetchSchema(gateway, type)]);
      return readerOf(new Map(await Promise.all(schemas)));
    } catch (error) {
      if (!(error instanceof GatewayAway)) throw error;
      const ms = backoff.next();
      log(`waiting ${Math.round(ms)} ms for the gateway: ${error.message}`);
      await pause(ms);
    }
  }
  return undefined;
}

/** Consumes until asked to stop, on one connection after the other. */
async function consume({ brokers, queue }, read, customers) {
  const backoff = new Backoff();
  for (let attempt = 0; !stop.signal.aborted; attempt += 1) {
    try {
      await consumeOn(brokers[attempt % brokers.length], queue, read, customers, () => backoff.reset());
    } catch (error) {
      if (error instanceof Misconfigured) throw error;
      if (stop.signal.aborted) return; // what was not acknowledged is delivered again
      const ms = backoff.next();
      log(`connecting again in ${Math.round(ms)} ms: ${error.message}`);
      await pause(ms);
    }
  }
}

async function consumeOn(url, queue, read, customers, onConsuming) {
  const connection = await connect(url, { timeout: 10_000 }).catch((error) => {
    if (error.code === NOT_ALLOWED || /ACCESS_REFUSED/.test(error.message)) {
      throw new Misconfigured(`the broker lets this user not in: check WARREN_AMQP_URL (${error.message})`);
    }
    throw error;
  });
  const lost = new Promise((_, reject) => {
    connection.on('error', reject);
    connection.on('close', (error) => reject(error ?? new Error('the connection was closed')));
  });
  lost.catch(() => undefined); // awaited below, and it may fail before
  try {
    const channel = await openChannel(connection, queue);
    const channelLost = new Promise((_, reject) => channel.on('error', reject));
    channelLost.catch(() => undefined);
    const cancelled = new Promise((_, reject) => {
      // One after the other: a message that waits for the database keeps the others waiting.
      let turn = Promise.resolve();
      const take = (message) => {
        if (message === null) reject(new Error(`the broker took the consumer of ${queue} away`));
        else turn = turn.then(() => settle(channel, message, read, customers));
        turn.catch(reject); // and what comes after it waits for the next connection
      };
      channel.consume(queue, take).then(() => {
        log(`consuming ${queue}`);
        onConsuming();
      }, reject);
    });
    await Promise.race([lost, channelLost, cancelled, stopped]);
  } finally {
    // Gives back what was fetched and not acknowledged. A connection that is lost is closed already.
    await connection.close().catch(() => undefined);
  }
}

/** Makes the queue, where its dead letters go, and its bindings; all of it is found again the next time. */
async function openChannel(connection, queue) {
  const channel = await connection.createChannel();
  const dead = `${queue}.dead`;
  channel.on('error', () => undefined); // the call that caused it fails as well
  try {
    await channel.prefetch(PREFETCH);
    await channel.assertExchange(DEAD_LETTER_EXCHANGE, 'direct', { durable: true });
    // A million: looking at dead letters must not count as failing to deliver them.
    await channel.assertQueue(dead, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 },
    });
    await channel.bindQueue(dead, DEAD_LETTER_EXCHANGE, queue);
    await channel.assertQueue(queue, {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-delivery-limit': 50, // the last net, for a message that ends the process each time
        'x-dead-letter-exchange': DEAD_LETTER_EXCHANGE,
        'x-dead-letter-routing-key': queue,
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      },
    });
    for (const { exchange, type } of SUBSCRIPTIONS) await channel.bindQueue(queue, exchange, type);
  } catch (error) {
    if (error.code === ACCESS_REFUSED) {
      throw new Misconfigured(`this user may not do that, use guest-consumer: ${error.message}`);
    }
    if (error.code === PRECONDITION_FAILED) {
      throw new Misconfigured(
        `it is there with other arguments; delete it when it is empty, or take another --queue: ${error.message}`,
      );
    }
    if (error.code === NOT_FOUND) log('an exchange is not there yet: has Warren been started?');
    throw error;
  }
  return channel;
}

/** Acknowledges a message after its effect is on the disk, or rejects it for good. It never goes back to the queue. */
async function settle(channel, message, read, customers) {
  const backoff = new Backoff();
  while (!stop.signal.aborted) {
    let outcome;
    try {
      const envelope = read(message.content);
      const isNew = customers.record(envelope);
      outcome = `${isNew ? 'counted' : 'known already:'} ${envelope.type} ${envelope.id}`;
    } catch (error) {
      if (!isDatabaseAway(error)) {
        log(`rejected: ${error instanceof Malformed ? error.message : error.stack}`);
        channel.reject(message, false);
        return;
      }
      const ms = backoff.next();
      log(`a message waits ${Math.round(ms)} ms for the database: ${error.message}`);
      await pause(ms);
      continue;
    }
    channel.ack(message);
    log(outcome);
    return;
  }
}

/** Busy, locked, no disk, full: true of the next message as well. https://www.sqlite.org/rescode.html */
function isDatabaseAway(error) {
  return error.code === 'ERR_SQLITE_ERROR' && [5, 6, 8, 10, 13, 14].includes(error.errcode & 0xff);
}

async function main() {
  const options = readOptions();
  let customers;
  try {
    customers = new Customers(options.database);
  } catch (error) {
    log(
      `${options.database} can't be opened: ${error.message}. Name a file that can be written with --database.`,
    );
    return 1;
  }
  try {
    if (options.report) {
      console.log(JSON.stringify(customers.report(), null, 2));
      return 0;
    }
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop.abort());
    const read = await fetchReader(options.gateway);
    if (read) await consume(options, read, customers);
    log('stopped');
    return 0;
  } catch (error) {
    if (!(error instanceof Misconfigured)) throw error;
    log(error.message);
    return 1;
  } finally {
    customers.close();
  }
}

process.exitCode = await main();
