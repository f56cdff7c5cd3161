import 'reflect-metadata';
import { describeClass, nestedClasses } from './schema/describe-class.ts';

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
  /** The service that publishes it. */
  publishedBy: string;
}

export interface EventOptions<T extends object> extends DescribedMessage<T> {
  /** The topic exchange that the message is published to. */
  exchange: string;
}

export interface CommandOptions<T extends object> extends EventOptions<T> {
  /**
   * The service that carries it out, and decides on the contract. Default: `publishedBy`, for what a service asks of
   * itself.
   */
  owner?: string;
}

export interface RequestOptions<T extends object> extends CommandOptions<T> {
  /** The class of the answer, itself defined by {@link DefineReply}. */
  reply: DataClass;
}

export type ReplyOptions<T extends object> = DescribedMessage<T>;

/** Everything that is known of one message type. Obtained by {@link contractOf}. */
export interface Contract<T extends object = object> {
  readonly kind: ContractKind;
  /** Routing key and CloudEvents `type`. */
  readonly type: string;
  /** The major version in `type`. */
  readonly version: number;
  /** Empty for replies: they go to the exchange of whoever asked. */
  readonly exchange: string;
  readonly publishedBy: string;
  /** The service whose team decides on it: of events and replies the publisher, of the others who carries them out. */
  readonly owner: string;
  readonly description: string;
  readonly example: T;
  readonly dataClass: DataClass<T>;
  readonly reply?: DataClass;
}

const TYPE_PATTERN = /^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v(?<version>[1-9][0-9]*)$/;
const EXCHANGE_PATTERN = /^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$/;
const contracts = new WeakMap<object, Contract>();

type Options<T extends object> = DescribedMessage<T> &
  Partial<Pick<RequestOptions<T>, 'exchange' | 'owner' | 'reply'>>;

function define<T extends object>(kind: ContractKind, options: Options<T>) {
  return (dataClass: DataClass<T>): void => {
    const { version } = TYPE_PATTERN.exec(options.type)?.groups ?? {};
    if (version === undefined) {
      throw new TypeError(
        `${dataClass.name}: type "${options.type}" is not <entity>.<verb>.v<major> in lower case, as in order.placed.v1`,
      );
    }
    if (kind !== 'reply' && !EXCHANGE_PATTERN.test(options.exchange ?? '')) {
      throw new TypeError(
        `${dataClass.name}: exchange "${options.exchange}" is not <entities>.<purpose> in lower case, as in orders.events`,
      );
    }
    for (const nested of [dataClass, ...nestedClasses(dataClass).values()]) describeClass(nested);
    contracts.set(dataClass, {
      kind,
      type: options.type,
      version: Number(version),
      exchange: options.exchange ?? '',
      publishedBy: options.publishedBy,
      owner: options.owner ?? options.publishedBy,
      description: options.description,
      example: options.example,
      dataClass: dataClass as DataClass,
      ...(options.reply && { reply: options.reply }),
    });
  };
}

// `never` lets only those compile that name their class, as DefineEvent<OrderPlacedV1>: it types the example.

/** Declares the decorated class as the `data` of an event: a fact that any number of consumers may hear of, or none. */
export const DefineEvent = <T extends object = never>(options: EventOptions<NoInfer<T>>) =>
  define<T>('event', options);

/** Declares the decorated class as the `data` of a command. A command that no queue receives is an error for its publisher. */
export const DefineCommand = <T extends object = never>(options: CommandOptions<NoInfer<T>>) =>
  define<T>('command', options);

/** Declares the decorated class as the `data` of a request, which is answered within a deadline or not at all. */
export const DefineRequest = <T extends object = never>(options: RequestOptions<NoInfer<T>>) =>
  define<T>('request', options);

/** Declares the decorated class as the `data` of the answer to a request. */
export const DefineReply = <T extends object = never>(options: ReplyOptions<NoInfer<T>>) =>
  define<T>('reply', options);

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
