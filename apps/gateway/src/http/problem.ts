import { PROBLEM_TYPES, problemUrl, type ProblemName, type ProblemType } from './problem-types.ts';

export interface FieldError {
  in: 'body' | 'query' | 'path' | 'header';
  /** JSON pointer (RFC 6901) from there to the field. */
  pointer: string;
  detail: string;
}

export interface ProblemOptions extends ErrorOptions {
  errors?: readonly FieldError[];
  headers?: Readonly<Record<string, string>>;
}

/** An answer that is not the one that was asked for: RFC 9457. Thrown in the HTTP layer only. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  /** @param detail what is wrong with this request, for the person who wrote the client */
  constructor(
    readonly type: ProblemName,
    readonly detail: string,
    options: ProblemOptions = {},
  ) {
    super(detail, options);
    this.status = PROBLEM_TYPES[type].status;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
  }
}

/** A problem as it is sent. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** This occurrence: the id of the request. */
  instance: string;
  errors?: readonly FieldError[];
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';

export function problemDocument(problem: Problem, requestId: string): ProblemDocument {
  const { title }: ProblemType = PROBLEM_TYPES[problem.type];
  return {
    type: problemUrl(problem.type),
    title,
    status: problem.status,
    detail: problem.detail,
    instance: `urn:uuid:${requestId}`,
    ...(problem.errors && { errors: problem.errors }),
  };
}
