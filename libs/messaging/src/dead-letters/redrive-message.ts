import { carriedOn, HEADER } from '../broker/message-codec.ts';
import type { OutgoingMessage } from '../broker/confirm-publisher.ts';
import type { DeadLetter } from './dead-letter.ts';

/** What told of the failure. The message starts anew, and tells of its next failure itself. */
const OF_THE_FAILURE = [
  HEADER.failedAttempts,
  HEADER.lastFailureAt,
  HEADER.reason,
  HEADER.errorClass,
  HEADER.errorMessage,
  HEADER.errorStack,
] as const;

/**
 * A dead letter as it is sent to the queue that failed: the same bytes and properties, all its attempts before it, and
 * headers that tell of the redrive. When it first failed is kept.
 *
 * @param redrive id of the redrive
 */
export function redriveMessage(
  letter: DeadLetter,
  requeueExchange: string,
  redrive: string,
  now = new Date(),
): OutgoingMessage {
  const properties = carriedOn(letter.message, {
    [HEADER.redrive]: redrive,
    [HEADER.redrivenAt]: now.toISOString(),
    [HEADER.timesRedriven]: (letter.redriven?.times ?? 0) + 1,
  });
  const headers = { ...(properties.headers as Record<string, unknown>) };
  for (const name of OF_THE_FAILURE) delete headers[name];
  return {
    exchange: requeueExchange,
    routingKey: letter.queue,
    body: letter.message.content,
    properties: { ...properties, headers },
    mandatory: true,
  };
}
