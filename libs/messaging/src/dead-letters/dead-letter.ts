import { createHash } from 'node:crypto';
import type { ConsumeMessage } from 'amqplib';
import type { EventEnvelope } from '@warren/contracts';
import {
  redactBody,
  redactSecrets,
  redactText,
  secretsIn,
  withoutSecrets,
  type RedactedBody,
} from '@warren/redaction';
import { validate as isUuid, version as uuidVersion } from 'uuid';
import { HEADER } from '../broker/message-codec.ts';
import { uuidv7Time } from '../inbox/inbox.ts';

/** Older dead letters are redriven only by force: the inbox remembers for 35 days that a message had its effect. */
export const REDRIVE_LIMIT_DAYS = 30;

const SUFFIX = '.dead';

/** One entry of the broker's own `x-death`: https://www.rabbitmq.com/docs/dlx#effects */
interface Death {
  reason?: unknown;
  queue?: unknown;
  time?: { '!': string; value: unknown };
}

/** The queue whose dead letters a queue holds, or undefined when it is no dead-letter queue. */
export function failedQueueOf(deadLetterQueue: string): string | undefined {
  return deadLetterQueue.endsWith(SUFFIX) ? deadLetterQueue.slice(0, -SUFFIX.length) : undefined;
}

/** What may be listed, shown and kept of a dead letter: all but the secrets in it. */
export interface ShownLetter {
  readonly headers: Readonly<Record<string, unknown>>;
  /** All others. */
  readonly properties: Readonly<Record<string, unknown>>;
  readonly body: RedactedBody;
  /** Whether something was taken out of headers, properties or body. */
  readonly redacted: boolean;
}

/** A message that lies in a dead-letter queue. Nothing of it can be relied on: it may be anybody's. */
export class DeadLetter {
  readonly message: ConsumeMessage;
  readonly deadLetterQueue: string;
  /** The queue in which it failed. */
  readonly queue: string;
  #envelope: Partial<EventEnvelope> | null | undefined;
  #secrets: readonly string[] | undefined;

  constructor(message: ConsumeMessage, deadLetterQueue: string) {
    this.message = message;
    this.deadLetterQueue = deadLetterQueue;
    this.queue = failedQueueOf(deadLetterQueue) ?? deadLetterQueue;
  }

  get headers(): Readonly<Record<string, unknown>> {
    return this.message.properties.headers ?? {};
  }

  /** The body as JSON object, or undefined when it is none. Its attributes need not have the types that they should. */
  get envelope(): Partial<EventEnvelope> | undefined {
    if (this.#envelope === undefined) {
      try {
        const parsed: unknown = JSON.parse(this.message.content.toString('utf8'));
        this.#envelope = typeof parsed === 'object' && !Array.isArray(parsed) ? parsed : null;
      } catch {
        this.#envelope = null; // a body that is no JSON is one of the reasons to be here
      }
    }
    return this.#envelope ?? undefined;
  }

  /** The message's id; a message without one is known by its body, as `sha256:` and sixteen digits. */
  get id(): string {
    return (
      text(this.message.properties.messageId) ??
      text(this.envelope?.id) ??
      `sha256:${createHash('sha256').update(this.message.content).digest('hex').slice(0, 16)}`
    );
  }

  get type(): string {
    return text(this.message.properties.type) ?? text(this.envelope?.type) ?? '(none)';
  }

  /** One of ours (see `DeadReason`), or what the broker wrote when it gave up by itself, for example `delivery_limit`. */
  get reason(): string {
    return text(this.headers[HEADER.reason]) ?? text(this.#death?.reason) ?? '(none)';
  }

  /** Whether a consumer of ours gave up on it, and not the broker. */
  get byConsumer(): boolean {
    return text(this.headers[HEADER.reason]) !== undefined;
  }

  /** When it was given up. */
  get diedAt(): Date | undefined {
    if (this.byConsumer) return time(this.headers[HEADER.lastFailureAt]);
    const value = this.#death?.time?.value;
    return typeof value === 'number' ? new Date(value * 1_000) : undefined;
  }

  get firstFailureAt(): Date | undefined {
    return time(this.headers[HEADER.firstFailureAt]);
  }

  get failedAttempts(): number | undefined {
    return integer(this.headers[HEADER.failedAttempts]);
  }

  /** Without secrets, whoever wrote it. */
  get error(): { name: string; message: string; stack: string | undefined } | undefined {
    // Of an earlier failure, when it was the broker that gave up.
    const name = text(this.headers[HEADER.errorClass]);
    if (name === undefined) return undefined;
    const message = this.#discreet(text(this.headers[HEADER.errorMessage]) ?? '');
    const stack = text(this.headers[HEADER.errorStack]);
    return { name, message, stack: stack && this.#discreet(stack) };
  }

  /** What is sent again is the message as it came; this is what people and files get of it. */
  get shown(): ShownLetter {
    const body = redactBody(this.message.content);
    const { headers = {}, ...properties } = this.message.properties;
    const came = JSON.stringify({ headers, properties });
    const shown = JSON.stringify({ headers, properties }, (name, value: unknown) => {
      const redacted = redactSecrets(name, value);
      return typeof redacted === 'string' ? this.#discreet(redacted) : redacted;
    });
    return {
      ...(JSON.parse(shown) as Pick<ShownLetter, 'headers' | 'properties'>),
      body,
      redacted: body.redacted || shown !== came,
    };
  }

  /** How often it was redriven, and by which redrive last. */
  get redriven(): { times: number; lastAt: Date | undefined; redrive: string } | undefined {
    const redrive = text(this.headers[HEADER.redrive]);
    if (redrive === undefined) return undefined;
    return {
      times: integer(this.headers[HEADER.timesRedriven]) ?? 1,
      lastAt: time(this.headers[HEADER.redrivenAt]),
      redrive,
    };
  }

  /** The queue that its headers name, where that is another than the one whose dead-letter queue it lies in. */
  get misplacedFrom(): string | undefined {
    const named = text(this.headers[HEADER.queue]);
    return named === this.queue ? undefined : named;
  }

  /** The earliest time that is known of it: when it was made, as its id tells, or when it first failed. */
  get knownSince(): Date | undefined {
    const id = text(this.envelope?.id) ?? text(this.message.properties.messageId) ?? '';
    const made = isUuid(id) && uuidVersion(id) === 7 ? new Date(uuidv7Time(id)) : time(this.envelope?.time);
    const times = [made, this.firstFailureAt, this.diedAt].flatMap((at) => at?.getTime() ?? []);
    return times.length > 0 ? new Date(Math.min(...times)) : undefined;
  }

  /** Too old, or of an age that nobody knows: its effect may be in the database, and the inbox not know it any more. */
  isBeyondInbox(now: number): boolean {
    const since = this.knownSince;
    return since === undefined || since.getTime() < now - REDRIVE_LIMIT_DAYS * 86_400_000;
  }

  #discreet(said: string): string {
    this.#secrets ??= secretsIn(this.message.content);
    return withoutSecrets(redactText(said), this.#secrets);
  }

  /** The death in the queue itself; a wait queue's is how a retry comes about. */
  get #death(): Death | undefined {
    const deaths: unknown = this.headers['x-death'];
    if (!Array.isArray(deaths)) return undefined;
    return (deaths as Death[]).find(({ queue }) => queue === this.queue) ?? (deaths as Death[])[0];
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function integer(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
}

function time(value: unknown): Date | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : new Date(at);
}
