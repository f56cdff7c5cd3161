import { STATUS_CODES } from 'node:http';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/** An error as RFC 9457 describes it, https://www.rfc-editor.org/rfc/rfc9457 */
export interface Problem {
  /** `about:blank`: there is no more to say than the status does. */
  type: string;
  title: string;
  status: number;
  detail?: string;
}

/** A problem about which there is no more to say than its status, and perhaps a sentence. */
export function plainProblem(status: number, detail?: string): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: 'about:blank', title, status, ...(detail !== undefined && detail !== title && { detail }) };
}
