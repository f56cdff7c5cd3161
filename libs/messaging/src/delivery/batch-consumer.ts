import type { ConsumeMessage } from 'amqplib';
import { BatchContext } from '../batch-context.ts';
import { claimMessages } from '../inbox/inbox.ts';
import type { BatchOptions } from '../message-handler.ts';
import { withDeadline } from '../timing.ts';
import { isDatabaseAway } from '../database/database-errors.ts';
import { DependencyUnavailable } from '../errors.ts';
import { Breaker } from './breaker.ts';
import { readMessage, type ReadMessage } from './deliver.ts';
import { discreetError } from './discreet-error.ts';
import { handleOne } from './handle-one.ts';
import type { QueueConsumerParts } from './queue-consumer.ts';
import { asError } from './retry-policy.ts';
import { Settlement } from './settlement.ts';
import { SupervisedConsumer, type Delivery } from './supervised-consumer.ts';

interface Gathered {
  delivery: Delivery;
  /** Undefined when it can't be read. */
  read: ReadMessage | undefined;
  /** Its place among the deliveries in hand is free again. */
  settled(): void;
}

/** Consumes one queue whose handler takes many messages in one transaction. One batch at a time, in order. */
export class BatchConsumer {
  readonly queue: string;
  readonly breaker: Breaker;
  readonly #parts: QueueConsumerParts;
  readonly #batch: Required<BatchOptions>;
  readonly #consumer: SupervisedConsumer;
  readonly #settlement: Settlement;
  #gathered: Gathered[] = [];
  #timer: NodeJS.Timeout | undefined;
  #working = false;
  #stopping = false;

  constructor(parts: QueueConsumerParts, batch: Required<BatchOptions>) {
    const { consumer } = parts.engine;
    this.queue = consumer.queue;
    this.#parts = parts;
    this.#batch = batch;
    this.breaker = new Breaker(consumer.queue, parts.logger);
    this.#settlement = new Settlement({ ...parts, consumer });
    // Two batches: one in work, one that gathers meanwhile.
    const inHand = Math.max(consumer.prefetch, batch.size * 2);
    this.#consumer = new SupervisedConsumer(
      parts.connection,
      {
        queue: consumer.queue,
        prefetch: inHand,
        concurrency: inHand,
        prepare: (model) => parts.prepare(model),
        onDelivery: (delivery) => this.#gather(delivery),
      },
      parts.logger,
    );
  }

  get problem(): string | undefined {
    return this.#consumer.problem;
  }

  get inHand(): number {
    return this.#consumer.inHand;
  }

  /** Takes no more, gives back what is gathered, and waits for the batch in work until the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#consumer.stopTaking();
    this.breaker.stop();
    this.#giveBack(this.#gathered.splice(0));
    await withDeadline(this.#consumer.whenIdle(), deadlineMs);
    await this.#parts.engine.crashGuard.abandon();
    this.#settlement.stop();
  }

  async close(): Promise<void> {
    await this.#consumer.close();
  }

  #gather(delivery: Delivery): Promise<void> {
    // Now and not when its turn comes: the batch before it is with the database, and this process has time.
    const read = this.#tryToRead(delivery.message);
    return new Promise((settled) => {
      this.#gathered.push({ delivery, read, settled });
      if (this.#stopping) this.#giveBack(this.#gathered.splice(0));
      else this.#workSoon();
    });
  }

  #workSoon(): void {
    if (this.#working || this.#gathered.length === 0) return;
    if (this.#gathered.length >= this.#batch.size) void this.#work();
    else this.#timer ??= setTimeout(() => void this.#work(), this.#batch.withinMs);
  }

  async #work(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#working || this.#stopping) return;
    this.#working = true;
    const batch = this.#gathered.splice(0, this.#batch.size);
    try {
      // What was in a process that died is looked at one by one: it may be the reason.
      const redelivered = batch.filter(({ delivery }) => delivery.message.fields.redelivered);
      const first = batch.filter(({ delivery }) => !delivery.message.fields.redelivered);
      await this.#oneByOne(redelivered);
      await this.#together(first);
    } finally {
      this.#working = false;
      this.#workSoon();
    }
  }

  async #together(batch: Gathered[]): Promise<void> {
    const readable: (Gathered & ReadMessage)[] = [];
    const unreadable: Gathered[] = [];
    for (const gathered of batch) {
      if (gathered.read) readable.push({ ...gathered, ...gathered.read });
      else unreadable.push(gathered);
    }
    if (readable.length > 0) await this.#inOneTransaction(readable);
    await this.#oneByOne(unreadable);
  }

  async #inOneTransaction(batch: (Gathered & ReadMessage)[]): Promise<void> {
    if (!(await this.breaker.pass())) {
      this.#giveBack(batch);
      return;
    }
    const started = performance.now();
    try {
      const fresh = await this.#handle(batch);
      this.breaker.succeeded();
      const had = new Set(fresh);
      const seconds = (performance.now() - started) / 1_000;
      for (const message of batch) {
        message.delivery.ack();
        const name = had.has(message) ? 'done' : 'duplicate';
        this.#parts.deliveries.settled(this.queue, message.delivery.message, name, seconds);
        message.settled();
      }
    } catch (thrown) {
      const error = discreetError(asError(thrown), ...batch.map(({ delivery }) => delivery.message.content));
      const away = thrown instanceof DependencyUnavailable || isDatabaseAway(thrown);
      if (away) this.breaker.failed(error);
      else this.breaker.untried();
      this.#parts.logger.warn(
        `${this.queue}: a batch of ${batch.length} failed, its messages are handled one by one: ${error.message}`,
      );
      await this.#oneByOne(batch);
    }
  }

  async #handle<M extends ReadMessage>(batch: M[]): Promise<M[]> {
    const { handler } = batch[0]!;
    return this.#parts.engine.dataSource.transaction(async (tx) => {
      const fresh = await claimMessages(tx, batch, this.queue);
      if (fresh.length > 0) {
        const items = fresh.map(({ data, envelope }) => ({ data, envelope }));
        await handler.invoke(items, new BatchContext(this.queue, tx));
      }
      return fresh;
    });
  }

  #tryToRead(message: ConsumeMessage): ReadMessage | undefined {
    try {
      return readMessage(message, this.#parts.engine.handlers);
    } catch {
      return undefined; // read again one by one, where the error decides on the message
    }
  }

  async #oneByOne(batch: Gathered[]): Promise<void> {
    const parts = { ...this.#parts, breaker: this.breaker, settlement: this.#settlement };
    for (const { delivery, settled } of batch) {
      await handleOne(parts, delivery);
      settled();
    }
  }

  #giveBack(batch: Gathered[]): void {
    for (const { delivery, settled } of batch) {
      this.#settlement.giveBack(delivery);
      settled();
    }
  }
}
