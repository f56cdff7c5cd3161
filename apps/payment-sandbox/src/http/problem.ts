import { STATUS_CODES } from 'node:http';
import type { RefusalCode } from '../payments/refusal.ts';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/** An error as RFC 9457 describes it, https://www.rfc-editor.org/rfc/rfc9457 */
export interface ProblemDocument {
  /** `about:blank`: the code says what a program has to know. */
  type: 'about:blank';
  title: string;
  status: number;
  code: string;
  detail?: string;
}

/** An error that is HTTP's own. */
export class Problem extends Error {
  override readonly name = 'Problem';
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

export const STATUS_OF_REFUSAL: Record<RefusalCode, number> = {
  'token-unusable': 402,
  'payment-unknown': 404,
  'not-refundable': 409,
  'already-decided': 409,
  'idempotency-key-reused': 422,
};

/** @param code default: the status in words, as `bad-request` */
export function problemDocument(status: number, detail?: string, code?: string): ProblemDocument {
  const title = STATUS_CODES[status] ?? 'Error';
  return {
    type: 'about:blank',
    title,
    status,
    code: code ?? title.toLowerCase().replaceAll(/[^a-z]+/g, '-'),
    ...(detail !== undefined && detail !== title && { detail }),
  };
}
