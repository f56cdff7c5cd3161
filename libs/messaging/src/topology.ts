import { contractOf, type Contract, type DataClass } from '@warren/contracts';
import { parseDuration } from './duration.ts';
import { MiswiredService } from './errors.ts';

/** Waiting times after the first, second, … failure; the last one is used again when there are more attempts. */
export const DEFAULT_RETRY_DELAYS: readonly string[] = ['5s', '30s', '5m', '30m'];

export interface ConsumerOptions {
  /** Purpose of the queue; on the broker it is `<service>.<queue>`. */
  queue: string;
  /** Contracts whose messages the queue receives. */
  handles: readonly DataClass[];
  /** Messages handled at the same time by one process. Default 16. */
  concurrency?: number;
  /** Messages that the broker hands over before they are acknowledged. Default four times the concurrency. */
  prefetch?: number;
  /** Waiting times after a failure. Default 5s, 30s, 5m, 30m. */
  retryDelays?: readonly string[];
  /** How often a failing message is tried in all. Default: once, and once after each waiting time. */
  attempts?: number;
}

export interface AnswererOptions {
  queue: string;
  /** Requests that are answered from this queue. */
  handles: readonly DataClass[];
  /** Default 16. */
  concurrency?: number;
}

export interface TopologyOptions {
  /** Name of the service: the first word of its queues and the name of its broker user. */
  service: string;
  /** Topic exchanges that the service owns and declares. */
  exchanges?: readonly string[];
  /** Events and commands that the service may publish. */
  publishes?: readonly DataClass[];
  consumes?: readonly ConsumerOptions[];
  answers?: readonly AnswererOptions[];
  /** Requests that the service sends; it then owns the direct exchange `<service>.replies`. */
  asks?: readonly DataClass[];
}

export interface RetryTier {
  delayMs: number;
  /** The wait queue, `<service>.<queue>.retry.<delay>`. */
  queue: string;
}

export interface ConsumerTopology {
  readonly queue: string;
  readonly deadLetterQueue: string;
  readonly contracts: readonly Contract[];
  readonly concurrency: number;
  readonly prefetch: number;
  readonly retryTiers: readonly RetryTier[];
  readonly attempts: number;
}

export interface AnswererTopology {
  readonly queue: string;
  readonly deadLetterQueue: string;
  readonly contracts: readonly Contract[];
  readonly concurrency: number;
}

/** Everything that one service has on the broker. Made by {@link defineTopology}. */
export interface Topology {
  readonly service: string;
  readonly exchanges: readonly string[];
  readonly publishes: readonly Contract[];
  readonly consumers: readonly ConsumerTopology[];
  readonly answerers: readonly AnswererTopology[];
  readonly asks: readonly Contract[];
  readonly deadLetterExchange: string;
  readonly retryExchange: string;
  readonly requeueExchange: string;
  /** Undefined for a service that asks nothing. */
  readonly repliesExchange: string | undefined;
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

function positiveInteger(what: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new MiswiredService(`${what} must be a positive integer, not ${value}`);
  }
  return value;
}

function contractsOf(
  classes: readonly DataClass[],
  kinds: readonly Contract['kind'][],
  where: string,
): Contract[] {
  return classes.map((dataClass) => {
    const contract = contractOf(dataClass);
    if (!kinds.includes(contract.kind)) {
      throw new MiswiredService(
        `${where}: ${contract.type} is a ${contract.kind}, not a ${kinds.join(' or ')}`,
      );
    }
    return contract;
  });
}

/**
 * Describes what a service has on the broker, in one place. The names follow from it, see `docs/` of the system.
 *
 * @throws MiswiredService when the description can't work, naming the mend.
 */
export function defineTopology(options: TopologyOptions): Topology {
  const { service } = options;
  if (!NAME.test(service)) throw new MiswiredService(`service "${service}" must be lower case with hyphens`);
  const claimed = new Map<string, string>();
  const purposes = new Set<string>();

  const claim = (queue: string, contracts: readonly Contract[]) => {
    if (!NAME.test(queue)) throw new MiswiredService(`queue "${queue}" must be lower case with hyphens`);
    if (purposes.has(queue)) throw new MiswiredService(`queue "${queue}" is described twice: merge the two`);
    purposes.add(queue);
    if (contracts.length === 0)
      throw new MiswiredService(`queue "${queue}" handles nothing: name its contracts`);
    for (const { type } of contracts) {
      const other = claimed.get(type);
      if (other) {
        throw new MiswiredService(
          `${type} is handled by queue "${other}" and "${queue}": remove it from one of them`,
        );
      }
      claimed.set(type, queue);
    }
  };

  const consumers = (options.consumes ?? []).map((consumer): ConsumerTopology => {
    const queue = `${service}.${consumer.queue}`;
    const contracts = contractsOf(consumer.handles, ['event', 'command'], `queue ${queue}`);
    claim(consumer.queue, contracts);
    const delays = consumer.retryDelays ?? DEFAULT_RETRY_DELAYS;
    if (delays.length === 0)
      throw new MiswiredService(`queue ${queue}: retryDelays needs at least one delay`);
    const concurrency = positiveInteger(`queue ${queue}: concurrency`, consumer.concurrency ?? 16);
    return {
      queue,
      deadLetterQueue: `${queue}.dead`,
      contracts,
      concurrency,
      prefetch: positiveInteger(`queue ${queue}: prefetch`, consumer.prefetch ?? concurrency * 4),
      retryTiers: delays.map((delay) => ({
        delayMs: parseDuration(delay),
        queue: `${queue}.retry.${delay}`,
      })),
      attempts: positiveInteger(`queue ${queue}: attempts`, consumer.attempts ?? delays.length + 1),
    };
  });

  const answerers = (options.answers ?? []).map((answerer): AnswererTopology => {
    const queue = `${service}.${answerer.queue}`;
    const contracts = contractsOf(answerer.handles, ['request'], `queue ${queue}`);
    claim(answerer.queue, contracts);
    return {
      queue,
      deadLetterQueue: `${queue}.dead`,
      contracts,
      concurrency: positiveInteger(`queue ${queue}: concurrency`, answerer.concurrency ?? 16),
    };
  });

  const asks = contractsOf(options.asks ?? [], ['request'], `${service} asks`);
  return {
    service,
    exchanges: options.exchanges ?? [],
    publishes: contractsOf(options.publishes ?? [], ['event', 'command'], `${service} publishes`),
    consumers,
    answerers,
    asks,
    deadLetterExchange: `${service}.dead-letter`,
    retryExchange: `${service}.retry`,
    requeueExchange: `${service}.requeue`,
    repliesExchange: asks.length > 0 ? `${service}.replies` : undefined,
  };
}
