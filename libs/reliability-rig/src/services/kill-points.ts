import pg from 'pg';
import { ChannelClass, ConfirmChannelClass } from './client-classes.ts';

/** Places in the path of a message at which a process of the rig can end itself by SIGKILL. */
export const KILL_POINTS = [
  /** The broker has confirmed a batch; its outbox rows are still there. */
  'between-confirm-and-delete',
  /** Inbox row, effect and follow-up are written and not committed. */
  'before-commit',
  /** They are committed; the broker has not been told. */
  'between-commit-and-ack',
  /** A failed message is about to be sent to its wait queue. */
  'before-republish',
  /** It has been sent there; the confirm has not come. */
  'republish-in-flight',
  /** The wait queue has it; the original is not acknowledged. */
  'between-republish-and-ack',
] as const;
export type KillPoint = (typeof KILL_POINTS)[number];

type Query = (
  this: { connection: object },
  config: string | { text: string; values?: unknown[] },
  ...more: unknown[]
) => unknown;

/** Ends this process without any farewell once `after` messages have passed `point`. */
export function dieAt(point: KillPoint, after: number): void {
  let passed = 0;
  const pass = (messages = 1): void => {
    passed += messages;
    if (passed >= after) process.kill(process.pid, 'SIGKILL');
  };
  if (point === 'between-confirm-and-delete') {
    beforeEachQuery((text, values) => {
      if (text.startsWith('DELETE FROM outbox')) pass((values[0] as unknown[]).length);
    });
  } else if (point === 'before-commit') {
    const claimed = new WeakSet<object>();
    beforeEachQuery((text, _values, { connection }) => {
      if (text.includes('INSERT INTO inbox')) claimed.add(connection);
      else if (text === 'ROLLBACK') claimed.delete(connection);
      else if (text === 'COMMIT' && claimed.delete(connection)) pass();
    });
    // A claim goes to the server in front of another statement, and is no query of its own.
    beforeEachBind((statement, connection) => {
      if (statement.startsWith('warren-claim')) claimed.add(connection);
    });
  } else {
    dieAround(point, pass);
  }
}

function dieAround(point: KillPoint, pass: () => void): void {
  const republished = new Set<unknown>();
  const { publish } = ConfirmChannelClass.prototype;
  ConfirmChannelClass.prototype.publish = function (exchange, routingKey, content, options, confirmed) {
    const isRetry = exchange.endsWith('.retry');
    if (isRetry && point === 'before-republish') pass();
    const result = publish.call(this, exchange, routingKey, content, options, confirmed);
    if (isRetry && point === 'republish-in-flight') {
      // The client writes at the end of this turn of the event loop; the answer comes in a later one.
      setImmediate(() => setImmediate(pass));
    }
    if (isRetry) republished.add(options?.messageId);
    return result;
  };
  const inHand = new WeakMap<object, Map<number, unknown>>();
  const { ack, dispatchMessage } = ChannelClass.prototype;
  ChannelClass.prototype.dispatchMessage = function (fields, message) {
    const messages = inHand.get(this) ?? new Map<number, unknown>();
    inHand.set(this, messages);
    if (message) messages.set(message.fields.deliveryTag, message.properties.messageId);
    dispatchMessage.call(this, fields, message);
  };
  ChannelClass.prototype.ack = function (message, allUpTo) {
    const messages = inHand.get(this)!;
    const { deliveryTag } = message.fields;
    const tags = allUpTo ? [...messages.keys()].filter((tag) => tag <= deliveryTag) : [deliveryTag];
    for (const tag of tags) {
      const isRetry = republished.delete(messages.get(tag));
      messages.delete(tag);
      if (point === (isRetry ? 'between-republish-and-ack' : 'between-commit-and-ack')) pass();
    }
    ack.call(this, message, allUpTo);
  };
}

function beforeEachBind(look: (statement: string, connection: object) => void): void {
  const prototype = pg.Connection.prototype as unknown as {
    bind(config: { statement?: string }, ...more: unknown[]): void;
  };
  const { bind } = prototype;
  prototype.bind = function (config, ...more) {
    look(config.statement ?? '', this);
    bind.call(this, config, ...more);
  };
}

function beforeEachQuery(
  look: (text: string, values: unknown[], client: { connection: object }) => void,
): void {
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const { query } = prototype;
  prototype.query = function (config, ...more) {
    if (typeof config === 'string') look(config, more, this);
    else look(config.text, config.values ?? [], this);
    return query.call(this, config, ...more);
  };
}
