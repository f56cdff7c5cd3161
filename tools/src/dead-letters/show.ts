import type { DeadLetter, ShownLetter } from '@warren/messaging';
import { redactText } from '@warren/redaction';
import { age, plain } from '../operate/table.ts';

/** Everything about one but its secrets, for people. */
export function describe(letter: DeadLetter): string {
  const { envelope, error, redriven } = letter;
  const { headers, properties } = letter.shown;
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
    ...known.map(([name, value]) => `  ${name.padEnd(width)}  ${plain(redactText(String(value)))}`),
    ...(error?.stack ? ['', 'Stack', indent(plain(error.stack))] : []),
    '',
    'Headers',
    indent(plain(JSON.stringify(headers, undefined, 2))),
    '',
    'Properties',
    indent(plain(JSON.stringify(properties, undefined, 2))),
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
  const { headers, properties, body } = letter.shown;
  return {
    ...{ id, queue, deadLetterQueue, type, reason, diedAt, firstFailureAt, failedAttempts, error, redriven },
    ...{ exchange, routingKey, properties, headers },
    ...(letter.envelope && body.kind === 'json' ? { envelope: body.value } : bodyOf(body)),
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

function bodyOf(body: ShownLetter['body']): { body: string } | { bodyBase64: string } {
  return body.kind === 'bytes' ? { bodyBase64: body.bytes.toString('base64') } : { body: body.text };
}

function dataOf({ envelope, message, shown: { body } }: DeadLetter): string[] {
  if (body.kind === 'bytes') {
    const size = message.content.length;
    return [`Body of ${size} bytes, which is no text, in base64`, indent(body.bytes.toString('base64'))];
  }
  if (body.kind === 'text') return ['Body, which is no JSON', indent(plain(body.text))];
  const isEnvelope = envelope?.data !== undefined;
  const data = isEnvelope ? (body.value as { data: unknown }).data : body.value;
  return [isEnvelope ? 'Data' : 'Body', indent(plain(JSON.stringify(data, undefined, 2)))];
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
