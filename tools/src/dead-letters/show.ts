import type { DeadLetter } from '@warren/messaging';
import { age, plain } from '../operate/table.ts';

/** Everything about one, for people. */
export function describe(letter: DeadLetter): string {
  const { envelope, error, redriven } = letter;
  const when = (at: Date | undefined) => (at ? `${at.toISOString()} (${age(at)} ago)` : undefined);
  const { correlationid, causationid } = envelope ?? {};
  const facts: [string, unknown][] = [
    ['type', letter.type],
    ['failed in', letter.queue],
    ['reason', letter.byConsumer ? letter.reason : `${letter.reason} (the broker gave up, not a consumer)`],
    ['error', error && `${error.name}: ${error.message}`],
    ['attempts', letter.failedAttempts],
    ['first failure', when(letter.firstFailureAt)],
    ['died', when(letter.diedAt)],
    [
      'redriven',
      redriven && `${redriven.times} times, last ${when(redriven.lastAt) ?? '?'}, by ${redriven.redrive}`,
    ],
    ['published to', letter.headers['x-warren-exchange']],
    ['with key', letter.headers['x-warren-routing-key']],
    ['source', envelope?.source],
    ['subject', envelope?.subject],
    ['sequence', envelope?.sequence],
    ['time', envelope?.time],
    ['correlation', correlationid],
    ['caused by', causationid],
    ['misplaced', letter.misplacedFrom && `its headers say that it failed in ${letter.misplacedFrom}`],
  ];
  const known = facts.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(...known.map(([name]) => name.length));
  return [
    `Dead letter ${plain(letter.id)} in ${letter.deadLetterQueue}`,
    ...known.map(([name, value]) => `  ${name.padEnd(width)}  ${plain(String(value))}`),
    ...(error?.stack ? ['', 'Stack', indent(plain(error.stack))] : []),
    '',
    'Headers',
    indent(plain(JSON.stringify(letter.headers, undefined, 2))),
    '',
    'Properties',
    indent(plain(JSON.stringify(propertiesOf(letter), undefined, 2))),
    '',
    ...dataOf(letter),
  ].join('\n');
}

/** The same for machines. */
export function toJson(letter: DeadLetter): object {
  const {
    id,
    queue,
    deadLetterQueue,
    type,
    reason,
    diedAt,
    firstFailureAt,
    failedAttempts,
    error,
    redriven,
  } = letter;
  const { exchange, routingKey } = letter.message.fields;
  return {
    ...{ id, queue, deadLetterQueue, type, reason, diedAt, firstFailureAt, failedAttempts, error, redriven },
    ...{ exchange, routingKey, properties: propertiesOf(letter), headers: letter.headers },
    ...bodyOf(letter),
  };
}

/** One line of it, for lists for machines. */
export function toSummary(letter: DeadLetter): object {
  const { id, queue, type, reason, diedAt, failedAttempts, error, redriven } = letter;
  return {
    id,
    queue,
    type,
    reason,
    diedAt,
    failedAttempts,
    error: error?.message,
    redriven: redriven?.times ?? 0,
  };
}

function propertiesOf({ message }: DeadLetter): object {
  const { headers: _, ...properties } = message.properties;
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}

function bodyOf({ envelope, message }: DeadLetter): object {
  if (envelope) return { envelope };
  const text = message.content.toString('utf8');
  return Buffer.from(text).equals(message.content)
    ? { body: text }
    : { bodyBase64: message.content.toString('base64') };
}

function dataOf(letter: DeadLetter): string[] {
  const { envelope, message } = letter;
  if (envelope) {
    const isEnvelope = envelope.data !== undefined;
    const shown = isEnvelope ? envelope.data : envelope;
    return [isEnvelope ? 'Data' : 'Body', indent(plain(JSON.stringify(shown, undefined, 2)))];
  }
  const body = bodyOf(letter) as { body?: string; bodyBase64?: string };
  if (body.body !== undefined) return ['Body, which is no JSON', indent(plain(body.body))];
  return [`Body of ${message.content.length} bytes, which is no text, in base64`, indent(body.bodyBase64!)];
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
