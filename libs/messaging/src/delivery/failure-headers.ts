import { HEADER, type DeliveryHistory } from '../broker/message-codec.ts';

const MAX_MESSAGE_BYTES = 2_048;
const MAX_STACK_BYTES = 8_192;

/** Cuts to a number of bytes in UTF-8 without splitting a character. */
export function cutToBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  let end = limit - 3; // room for the ellipsis
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return `${bytes.subarray(0, end).toString()}…`;
}

/** The headers that tell of a failure. They are cut so that they can't outgrow the frame, whatever was thrown. */
export function failureHeaders(
  queue: string,
  history: DeliveryHistory,
  error: Error,
  failedAttempts: number,
  now = new Date(),
): Record<string, unknown> {
  const at = now.toISOString();
  return {
    [HEADER.failedAttempts]: failedAttempts,
    [HEADER.firstFailureAt]: history.firstFailureAt ?? at,
    [HEADER.lastFailureAt]: at,
    [HEADER.queue]: queue,
    [HEADER.exchange]: history.exchange,
    [HEADER.routingKey]: history.routingKey,
    [HEADER.errorClass]: cutToBytes(error.name, 255),
    [HEADER.errorMessage]: cutToBytes(error.message, MAX_MESSAGE_BYTES),
  };
}

/** What a dead letter carries beside: why it is one, and where the error came from. */
export function deadLetterHeaders(reason: string, error: Error): Record<string, unknown> {
  return {
    [HEADER.reason]: reason,
    ...(error.stack && { [HEADER.errorStack]: cutToBytes(error.stack, MAX_STACK_BYTES) }),
  };
}
