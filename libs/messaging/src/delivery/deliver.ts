import type { ConsumeMessage } from 'amqplib';
import { parseEnvelope, validateData, type DataClass, type EventEnvelope } from '@warren/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { BatchContext } from '../batch-context.ts';
import type { DeliveryHistory } from '../broker/message-codec.ts';
import type { ServiceClient } from '../database/service-client.ts';
import { DuplicateMessage, PermanentFailure, UnknownType } from '../errors.ts';
import { runInFlow } from '../flow.ts';
import { claimOf, wasHandled } from '../inbox/inbox.ts';
import type { BatchOptions, HandlerDescription } from '../message-handler.ts';
import { MessageContext, type DeliveryFacts, type TransactionAccess } from '../message-context.ts';
import type { ConsumerTopology } from '../topology.ts';
import { TOLERATED_CRASHES, type CrashGuard } from './crash-guard.ts';
import { discreetError } from './discreet-error.ts';
import type { Outcome } from './outcome.ts';
import { outcomeOf } from './retry-policy.ts';

/** A handler as the transport strategy found it. */
export interface BoundHandler {
  dataClass: DataClass;
  transaction: HandlerDescription['transaction'];
  /** How messages are gathered for a batch handler. */
  batch?: Required<BatchOptions>;
  /** What the decorator said: the same object for every type of one method. */
  description: HandlerDescription;
  invoke(data: object, context: MessageContext | BatchContext): Promise<unknown>;
}

export interface DeliveryEngine {
  dataSource: DataSource;
  consumer: ConsumerTopology;
  handlers: ReadonlyMap<string, BoundHandler>;
  crashGuard: CrashGuard;
}

/** A message that can be handled. */
export interface ReadMessage {
  envelope: EventEnvelope;
  handler: BoundHandler;
  data: object;
}

/**
 * Takes one delivery from bytes to its effect: decode, validate, claim, handle, commit. Never throws; what is to
 * be done with the message on the broker is in the outcome. Its error quotes no secrets of the message.
 */
export async function deliver(
  engine: DeliveryEngine,
  message: ConsumeMessage,
  history: DeliveryHistory,
): Promise<Outcome> {
  try {
    const read = readMessage(message, engine.handlers);
    if (!message.fields.redelivered) return await handle(engine, message, history, read);
    const begun = await engine.crashGuard.begin(read.envelope);
    try {
      if (begun > TOLERATED_CRASHES) {
        const error = new PermanentFailure(
          `the process ended ${begun - 1} times while it worked on this message`,
        );
        return { kind: 'dead', reason: 'kills-the-process', error };
      }
      return await handle(engine, message, history, read);
    } finally {
      await engine.crashGuard.end(read.envelope);
    }
  } catch (error) {
    const outcome = outcomeOf(error, history.failedAttempts, engine.consumer);
    if (!('error' in outcome)) return outcome;
    return { ...outcome, error: discreetError(outcome.error, message.content) };
  }
}

/**
 * @throws MalformedEnvelope, UnknownType, InvalidData: sending the message again can't help
 */
export function readMessage(
  message: ConsumeMessage,
  handlers: ReadonlyMap<string, BoundHandler>,
): ReadMessage {
  const envelope = parseEnvelope(message.content);
  const handler = handlers.get(envelope.type);
  if (!handler) throw new UnknownType(envelope.type);
  return { envelope, handler, data: validateData(handler.dataClass, envelope.data as object, 'ignore') };
}

async function handle(
  engine: DeliveryEngine,
  message: ConsumeMessage,
  history: DeliveryHistory,
  { envelope, handler, data }: ReadMessage,
): Promise<Outcome> {
  const facts: DeliveryFacts = {
    envelope,
    queue: engine.consumer.queue,
    attempt: history.failedAttempts + 1,
    redelivered: message.fields.redelivered,
  };
  await runInFlow({ correlationId: envelope.correlationid, causationId: envelope.id }, () =>
    handler.transaction === 'deferred'
      ? handleDeferred(engine, handler, data, facts)
      : handleInTransaction(engine, handler, data, facts),
  );
  return { kind: 'done' };
}

/**
 * Inbox row, effect and outbox rows commit together; the acknowledgement comes after.
 *
 * The handler starts before the database has said whether the message is a duplicate, so that its first statement takes
 * the same way to the server as the claim. Where it is one, whatever the handler did is rolled back, and how it ended
 * does not count. A message that was delivered before is likely to be one, and waits.
 */
async function handleInTransaction(
  { dataSource }: DeliveryEngine,
  handler: BoundHandler,
  data: object,
  facts: DeliveryFacts,
): Promise<void> {
  const { envelope, queue, redelivered } = facts;
  await dataSource.transaction(async (tx) => {
    const claimed = claim(await clientOf(tx), envelope, queue);
    if (redelivered) await claimed;
    const [claiming, handling] = await Promise.allSettled([claimed, invokeIn(tx, handler, data, facts)]);
    if (claiming.status === 'rejected') throw claiming.reason;
    if (handling.status === 'rejected') throw handling.reason;
  });
}

async function invokeIn(
  tx: EntityManager,
  handler: BoundHandler,
  data: object,
  facts: DeliveryFacts,
): Promise<void> {
  if (handler.transaction === 'batch') {
    await handler.invoke([{ data, envelope: facts.envelope }], new BatchContext(facts.queue, tx));
    return;
  }
  const access: TransactionAccess = {
    manager: () => tx,
    complete: () => Promise.reject(new TypeError('complete() is for handlers with transaction: "deferred"')),
  };
  await handler.invoke(data, new MessageContext(facts, access));
}

async function handleDeferred(
  { dataSource, consumer }: DeliveryEngine,
  handler: BoundHandler,
  data: object,
  facts: DeliveryFacts,
): Promise<void> {
  if (await wasHandled(dataSource.manager, facts.envelope, consumer.queue)) {
    throw new DuplicateMessage(facts.envelope.id, consumer.queue);
  }
  const completion = { begun: false, committed: false };
  const access: TransactionAccess = {
    manager: () => {
      throw new TypeError(
        'a deferred handler has no open transaction: do its database work in ctx.complete(tx => …)',
      );
    },
    complete: async (effect) => {
      if (completion.begun) throw new TypeError('complete() was called before: a message has one effect');
      completion.begun = true;
      const result = await dataSource.transaction(async (tx) => {
        await claim(await clientOf(tx), facts.envelope, consumer.queue);
        return effect(tx);
      });
      completion.committed = true;
      return result;
    },
  };
  await handler.invoke(data, new MessageContext(facts, access));
  if (!completion.committed) {
    throw new PermanentFailure(
      `the handler of ${facts.envelope.type} in ${consumer.queue} returned without ctx.complete(): its effect is not recorded`,
    );
  }
}

/** The connection of a transaction: data sources of this library have clients of their own. */
async function clientOf(tx: EntityManager): Promise<ServiceClient> {
  return (await tx.queryRunner!.connect()) as ServiceClient;
}

/** @throws DuplicateMessage */
async function claim(client: ServiceClient, envelope: EventEnvelope, queue: string): Promise<void> {
  const rows = await client.beginWith(claimOf(envelope, queue));
  if (rows === 0) throw new DuplicateMessage(envelope.id, queue);
}
