import 'reflect-metadata';

/** What a message is for: an event tells what happened, a command asks for an effect, a request asks for an answer, a reply is one. */
export type ContractKind = 'event' | 'command' | 'request' | 'reply';

/** The class of a contract's `data`. Instances are made without arguments and filled from JSON. */
export type DataClass<T extends object = object> = new () => T;

interface DescribedMessage<T extends object> {
  /** Routing key and CloudEvents `type`: `<entity>.<verb>.v<major>`, for example `order.placed.v1`. */
  type: string;
  /** What the message means, in one or two sentences for somebody who has never seen the system. */
  description: string;
  /** One valid `data`, used in documentation and checked by a test. */
  example: T;
}

export interface EventOptions<T extends object> extends DescribedMessage<T> {
  /** The topic exchange that the message is published to. */
  exchange: string;
  /** The service that publishes it. */
  publishedBy: string;
}

export interface RequestOptions<T extends object> extends EventOptions<T> {
  /** The class of the answer, itself defined by {@link DefineReply}. */
  reply: DataClass;
}

export interface ReplyOptions<T extends object> extends DescribedMessage<T> {
  publishedBy: string;
}

/** Everything that is known of one message type. Obtained by {@link contractOf}. */
export interface Contract<T extends object = object> {
  readonly kind: ContractKind;
  readonly type: string;
  /** Empty for replies: they go to the exchange of whoever asked. */
  readonly exchange: string;
  readonly publishedBy: string;
  readonly description: string;
  readonly example: T;
  readonly dataClass: DataClass<T>;
  readonly reply?: DataClass;
}

const TYPE_PATTERN = /^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]*$/;
const EXCHANGE_PATTERN = /^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$/;
const contracts = new WeakMap<object, Contract>();

function define<T extends object>(
  kind: ContractKind,
  options: DescribedMessage<T> & { exchange?: string; publishedBy: string; reply?: DataClass },
) {
  return (dataClass: DataClass<T>): void => {
    if (!TYPE_PATTERN.test(options.type)) {
      throw new TypeError(
        `${dataClass.name}: type "${options.type}" is not <entity>.<verb>.v<major> in lower case, as in order.placed.v1`,
      );
    }
    if (kind !== 'reply' && !EXCHANGE_PATTERN.test(options.exchange ?? '')) {
      throw new TypeError(
        `${dataClass.name}: exchange "${options.exchange}" is not <entities>.<purpose> in lower case, as in orders.events`,
      );
    }
    contracts.set(dataClass, {
      kind,
      type: options.type,
      exchange: options.exchange ?? '',
      publishedBy: options.publishedBy,
      description: options.description,
      example: options.example,
      dataClass: dataClass as DataClass,
      ...(options.reply && { reply: options.reply }),
    });
  };
}

/** Declares the decorated class as the `data` of an event: a fact that any number of consumers may hear of, or none. */
export const DefineEvent = <T extends object>(options: EventOptions<T>) => define<T>('event', options);

/** Declares the decorated class as the `data` of a command. A command that no queue receives is an error for its publisher. */
export const DefineCommand = <T extends object>(options: EventOptions<T>) => define<T>('command', options);

/** Declares the decorated class as the `data` of a request, which is answered within a deadline or not at all. */
export const DefineRequest = <T extends object>(options: RequestOptions<T>) => define<T>('request', options);

/** Declares the decorated class as the `data` of the answer to a request. */
export const DefineReply = <T extends object>(options: ReplyOptions<T>) => define<T>('reply', options);

/**
 * The contract of a data class.
 *
 * @throws TypeError when the class carries none of the `Define…` decorators.
 */
export function contractOf<T extends object>(dataClass: DataClass<T>): Contract<T> {
  const contract = contracts.get(dataClass);
  if (!contract) {
    throw new TypeError(
      `${dataClass.name} is not a contract: decorate it with @DefineEvent, @DefineCommand, @DefineRequest or @DefineReply`,
    );
  }
  return contract as Contract<T>;
}
