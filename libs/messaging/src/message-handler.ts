import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { contractOf, type DataClass, type EventEnvelope } from '@warren/contracts';
import type { BatchContext } from './batch-context.ts';
import type { MessageContext } from './message-context.ts';

/** Transport id of handlers that are reached through this library. */
export const WARREN_TRANSPORT: unique symbol = Symbol('warren');

export interface HandlerOptions {
  /**
   * `message` (default): the library opens a transaction, claims the inbox row, calls the handler and commits.
   * `deferred`: nothing is open while the handler works; it calls `ctx.complete` once, at the end. For work that
   * takes long or talks to others: a transaction must not stay open meanwhile.
   */
  transaction?: 'message' | 'deferred';
}

export interface BatchOptions {
  /** Messages at most in one transaction. Default 100. */
  size?: number;
  /** How long the first message of a batch waits for others, in milliseconds. Default 20. */
  withinMs?: number;
}

/** One message of a batch. */
export interface BatchItem<T extends object = object> {
  data: T;
  envelope: EventEnvelope;
}

/** What the decorators leave with a handler for the transport strategy. */
export interface HandlerDescription {
  dataClasses: readonly DataClass[];
  transaction: 'message' | 'deferred' | 'batch';
  batch?: Required<BatchOptions>;
}

export interface HandlerExtras {
  warren: HandlerDescription;
}

// Generic in the method, because descriptors are invariant: a handler may take fewer arguments and answer with a subtype.
type TypedMethod<A extends object, R> = <Method extends (data: A, context: MessageContext) => Promise<R>>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** Where Nest keeps what `@Payload()`, `@Ctx()` and their kind say of a method's parameters. */
const PARAMETER_METADATA = '__routeArguments__';

/** A method without parameter decorators gets the data and the context; Nest by itself would pass the data alone. */
export function passDataAndContext(target: object, key: string | symbol): void {
  if (Reflect.hasMetadata(PARAMETER_METADATA, target.constructor, key)) return;
  Payload()(target, key, 0);
  Ctx()(target, key, 1);
}

/**
 * Makes a method of a Nest controller the handler of one contract. It is called with the validated data, an
 * instance of the contract's class, and the {@link MessageContext}.
 */
export function HandleMessage<T extends object>(
  dataClass: DataClass<T>,
  options: HandlerOptions = {},
): TypedMethod<T, void> {
  const extras: HandlerExtras = {
    warren: { dataClasses: [dataClass], transaction: options.transaction ?? 'message' },
  };
  return (target, key, descriptor) => {
    passDataAndContext(target, key);
    EventPattern<string>(contractOf(dataClass).type, WARREN_TRANSPORT, extras)(target, key, descriptor);
  };
}

/** Makes a method of a Nest controller the answer to one request. What it returns is validated and sent back. */
export function AnswerRequest<Q extends object>(dataClass: DataClass<Q>): TypedMethod<Q, object> {
  const extras: HandlerExtras = { warren: { dataClasses: [dataClass], transaction: 'deferred' } };
  return (target, key, descriptor) => {
    passDataAndContext(target, key);
    MessagePattern<string>(contractOf(dataClass).type, WARREN_TRANSPORT, extras)(target, key, descriptor);
  };
}

type DataOf<C> = C extends DataClass<infer T> ? T : never;

/**
 * Makes a method of a Nest controller the handler of a whole queue that takes up to `size` messages in one
 * transaction, for projections that would spend most of their time on commits. It is called with the messages
 * that had no effect yet, in the order of their arrival, and the {@link BatchContext}. When it fails, each message
 * is handled by itself to find the one at fault.
 *
 * @param dataClasses every contract of the queue
 * @throws RangeError when `size` or `withinMs` is not a positive integer
 */
export function HandleBatch<C extends readonly DataClass[]>(dataClasses: C, options: BatchOptions = {}) {
  const { size = 100, withinMs = 20 } = options;
  for (const [name, value] of Object.entries({ size, withinMs })) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`${name} must be a positive integer, not ${value}`);
  }
  const extras: HandlerExtras = { warren: { dataClasses, transaction: 'batch', batch: { size, withinMs } } };
  const types = dataClasses.map((dataClass) => contractOf(dataClass).type);
  return <Method extends (items: BatchItem<DataOf<C[number]>>[], context: BatchContext) => Promise<void>>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    passDataAndContext(target, key);
    EventPattern<string[]>(types, WARREN_TRANSPORT, extras)(target, key, descriptor);
  };
}
