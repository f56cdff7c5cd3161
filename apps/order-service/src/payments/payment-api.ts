import { setTimeout as pause } from 'node:timers/promises';
import { DependencyUnavailable } from '@warren/messaging';
import { withoutSecrets } from '@warren/redaction';
import { errors, Pool } from 'undici';
import { retryAfterMs } from './retry-after.ts';

export interface PaymentApiOptions {
  /** Where the provider's API is, without `/v1`. */
  url: string;
  apiKey: string;
  /** The longest that one attempt may take, from connecting to the last byte of the answer. Milliseconds. */
  timeoutMs: number;
  /** Connections at most; further requests wait for one while their deadline runs. */
  connections: number;
  /** Pauses before the repetitions, of which there are as many; each is up to half as long again. Default 200 and 800 ms. */
  pausesMs?: readonly number[];
}

export interface PaymentApiRequest {
  readonly path: string;
  /** The same at every repetition, by which the provider knows them for one. */
  readonly idempotencyKey: string;
  readonly body: object;
  /** What must not be quoted from an answer, beside the API key. */
  readonly secrets?: readonly string[];
  /** Ends the attempt that is on its way, and rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What the provider said about a request, and won't say otherwise when it is repeated. */
export interface PaymentApiAnswer {
  readonly status: number;
  /** Empty where the answer had no JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The problem's title and detail, without secrets. */
  readonly explanation: string;
}

type Attempt =
  | { readonly kind: 'answered'; readonly answer: PaymentApiAnswer }
  /** Worth another try within moments, or after what the provider asked for. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs?: number | undefined }
  /** Another try within moments would end the same. */
  | { readonly kind: 'unusable'; readonly reason: string };

const DEPENDENCY = 'payment provider';
const LONGEST_ANSWER = 64 * 1024;
const LONGEST_EXPLANATION = 300;
/** A provider that asks for more patience than this gets it by the pauses of the queue. */
const LONGEST_PAUSE_MS = 2_000;

/**
 * Posts to the payment provider over a bounded pool of connections that are kept open. undici's Pool, and not the
 * global fetch, because it bounds connections and answers, and follows no redirects.
 */
export class PaymentApi {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #apiKey: string;
  readonly #timeoutMs: number;
  readonly #pausesMs: readonly number[];

  constructor({ url, apiKey, timeoutMs, connections, pausesMs = [200, 800] }: PaymentApiOptions) {
    const { origin, pathname } = new URL(url);
    this.#path = pathname.replace(/\/+$/, '');
    this.#apiKey = apiKey;
    this.#timeoutMs = timeoutMs;
    this.#pausesMs = pausesMs;
    this.#pool = new Pool(origin, {
      connections,
      maxResponseSize: LONGEST_ANSWER,
      connect: { timeout: timeoutMs },
      // One connection carries one request, so that a connection that hangs holds up no other.
      allowH2: false,
    });
  }

  /**
   * Repeats what failed in passing, at most as often as there are pauses.
   *
   * @throws DependencyUnavailable when there was no answer that says anything about the request. Neither its message
   * nor its cause holds the API key, one of `secrets` or a part of an answer.
   */
  async post(request: PaymentApiRequest): Promise<PaymentApiAnswer> {
    for (let repetition = 0; ; repetition++) {
      const attempt = await this.#try(request);
      if (attempt.kind === 'answered') return attempt.answer;
      const wait =
        attempt.kind === 'failed' ? this.#pauseBefore(repetition, attempt.retryAfterMs) : undefined;
      if (wait === undefined) throw new DependencyUnavailable(DEPENDENCY, { reason: attempt.reason });
      await pause(wait, undefined, { signal: request.signal }).catch((error) => {
        throw request.signal?.reason ?? error;
      });
    }
  }

  /** Ends all connections; requests that are on their way fail. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #pauseBefore(repetition: number, retryAfter = 0): number | undefined {
    const shortest = this.#pausesMs[repetition];
    if (shortest === undefined || retryAfter > LONGEST_PAUSE_MS) return undefined;
    return Math.max(shortest, retryAfter) * (1 + Math.random() / 2);
  }

  async #try({ path, idempotencyKey, body, secrets = [], signal }: PaymentApiRequest): Promise<Attempt> {
    signal?.throwIfAborted();
    const hidden = [this.#apiKey, ...secrets];
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    try {
      const response = await this.#pool.request({
        method: 'POST',
        path: `${this.#path}${path}`,
        headers: {
          authorization: `Bearer ${this.#apiKey}`,
          'idempotency-key': idempotencyKey,
          'content-type': 'application/json',
          accept: 'application/json, application/problem+json',
          'user-agent': 'warren-order-service',
        },
        body: JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      });
      const text = await response.body.text();
      return judge(response.statusCode, response.headers['retry-after'], text, hidden);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof errors.InvalidArgumentError) throw error;
      if (deadline.aborted) return { kind: 'failed', reason: `gave no answer in ${this.#timeoutMs} ms` };
      return { kind: 'failed', reason: describeFailure(error, hidden) };
    }
  }
}

function judge(
  status: number,
  retryAfter: string | string[] | undefined,
  text: string,
  secrets: readonly string[],
): Attempt {
  const body = objectIn(text);
  const answered: Attempt = {
    kind: 'answered',
    answer: { status, body: body ?? {}, explanation: explanationOf(body, secrets) },
  };
  const failed = (reason: string): Attempt => ({
    kind: 'failed',
    reason: `answered ${status}: ${reason}`,
    retryAfterMs: retryAfterMs(retryAfter),
  });
  const unusable = (reason: string): Attempt => ({
    kind: 'unusable',
    reason: `answered ${status}: ${reason}`,
  });
  switch (status) {
    case 201:
    case 402:
      return body ? answered : failed('without a JSON object');
    case 400:
    case 422:
      return answered;
    case 401:
    case 403:
      return unusable('it does not take our API key, see WARREN_PAYMENT_API_KEY');
    case 404:
      return body?.['title'] === undefined ? unusable('see WARREN_PAYMENT_URL') : answered;
    case 409:
      return body?.['code'] === 'not-refundable' ? answered : failed('the same request is still in hand');
    case 408:
    case 425:
    case 429:
      return failed('it asks to come again');
  }
  if (status >= 500) return failed('it is in trouble');
  return unusable('that is not its protocol, and redirects are not followed; see WARREN_PAYMENT_URL');
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function explanationOf(problem: Record<string, unknown> | undefined, secrets: readonly string[]): string {
  const said = [problem?.['title'], problem?.['detail']].filter((text) => typeof text === 'string');
  if (said.length === 0) return 'it does not say why';
  return withoutSecrets(said.join(': '), secrets)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .slice(0, LONGEST_EXPLANATION);
}

/** In words, and never as a cause: an error of the parser carries the bytes that it could not read. */
function describeFailure(error: unknown, secrets: readonly string[]): string {
  const { code, message } = error as { code?: string; message?: string };
  return withoutSecrets([code, message].filter(Boolean).join(': '), secrets);
}
