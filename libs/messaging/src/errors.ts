/**
 * Errors are classed by their consequence for the message, because that is what the person who throws one decides.
 * Anything else that a handler throws means: try again later.
 */

/** Trying again can't help: the message goes to the dead-letter queue at once. */
export class PermanentFailure extends Error {
  override readonly name: string = 'PermanentFailure';
}

/**
 * Something that the handler needs is away. Costs the message no attempt; when it happens again and again the
 * consumer pauses and probes instead of working through its queue in vain.
 */
export class DependencyUnavailable extends Error {
  override readonly name: string = 'DependencyUnavailable';
  /** @param dependency what is away, as an operator would call it, for example `smtp`. */
  constructor(
    readonly dependency: string,
    options?: ErrorOptions & { reason?: string },
  ) {
    const cause = options?.cause instanceof Error ? options.cause.message : undefined;
    super(
      `${dependency} is not available${(options?.reason ?? cause) ? `: ${options?.reason ?? cause}` : ''}`,
      options,
    );
  }
}

/** The effect of this message is in the database already; the message is acknowledged and counted. */
export class DuplicateMessage extends Error {
  override readonly name = 'DuplicateMessage';
  constructor(
    readonly messageId: string,
    readonly queue: string,
  ) {
    super(`message ${messageId} was handled by ${queue} before`);
  }
}

/** The service is wired in a way that can't work; the message says how to mend it. Thrown at boot. */
export class MiswiredService extends Error {
  override readonly name = 'MiswiredService';
}

/** No handler of the queue takes messages of this type. */
export class UnknownType extends Error {
  override readonly name = 'UnknownType';
  constructor(readonly type: string) {
    super(`nothing here handles ${type}: bind the queue to the types in its topology, and to no others`);
  }
}

/** `append` was handed something that is not an open transaction, so state and event could come apart. */
export class NotInTransaction extends Error {
  override readonly name = 'NotInTransaction';
}

/**
 * A transaction was to be committed, and the server had to roll it back: one of its statements had failed, and whoever
 * sent it caught the error and went on. PostgreSQL answers such a COMMIT with ROLLBACK and no error.
 *
 * Source: https://www.postgresql.org/docs/current/sql-commit.html
 */
export class TransactionRolledBack extends Error {
  override readonly name = 'TransactionRolledBack';
  constructor() {
    super(
      'the transaction was rolled back instead of committed, as a statement in it had failed and its error was caught: ' +
        'let the error through, or put what may fail into a savepoint of its own, tx.transaction(async (inner) => …)',
    );
  }
}

/** Nobody answered a request within its deadline. */
export class RequestTimedOut extends DependencyUnavailable {
  override readonly name = 'RequestTimedOut';
}

/** A request could not be sent, or its handler failed. */
export class RequestFailed extends DependencyUnavailable {
  override readonly name = 'RequestFailed';
}

/** A message could not be published for a reason that is not the message's own: it is worth sending again. */
export class BrokerUnavailable extends DependencyUnavailable {
  override readonly name = 'BrokerUnavailable';
  /** AMQP reply code with which the broker closed the channel, if it did. */
  readonly code: number | undefined;
  constructor(reason: string, options?: ErrorOptions & { code?: number | undefined }) {
    super('RabbitMQ', { ...options, reason });
    this.code = options?.code;
  }
}

/** The broker answered `basic.nack`: it could not take responsibility for the message. */
export class PublishNacked extends Error {
  override readonly name = 'PublishNacked';
}

/** No confirm came in time. The broker may have the message or not; others on the channel are confirmed. */
export class ConfirmTimedOut extends Error {
  override readonly name = 'ConfirmTimedOut';
}

/** The exchange does not exist, or this user may not publish to it. */
export class ExchangeUnusable extends Error {
  override readonly name = 'ExchangeUnusable';
  constructor(
    readonly exchange: string,
    reason: string,
    /** False when it exists and this user may not publish to it. */
    readonly missing: boolean,
  ) {
    super(reason);
  }
}
