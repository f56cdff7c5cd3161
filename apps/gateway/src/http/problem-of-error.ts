import { HttpException } from '@nestjs/common';
import { DependencyUnavailable, isDatabaseAway } from '@warren/messaging';
import { ObjectTooLarge, RangeNotSatisfiable, StorageUnavailable } from '@warren/object-storage';
import { InvalidCredentials } from '../commands/open-session.ts';
import { EmailTaken } from '../commands/register-user.ts';
import { InvalidAccessToken } from '../credentials/access-tokens.ts';
import { InvalidSignature } from '../credentials/webhook-signature.ts';
import { TooManyStreams } from '../live/live-updates.ts';
import { IdempotencyKeyReused } from '../storage/idempotency-keys.ts';
import { CallbackReplayed } from '../storage/payment-callbacks.ts';
import { TooManySignIns } from '../storage/sign-in-limits.ts';
import { Problem } from './problem.ts';
import { PROBLEM_TYPES, type ProblemName } from './problem-types.ts';

/** When to try again after a 503, in seconds. */
const RETRY_AFTER = { 'retry-after': '2' };

/** When there may be room for one more event stream, in seconds. */
const RETRY_STREAM_AFTER = { 'retry-after': '10' };

/**
 * PostgreSQL gave a statement up for reasons that another try may not meet: conflicts between transactions (class 40),
 * a lock (55P03) or a result (57014) that did not come in time.
 */
const TRY_AGAIN = /^(40...|55P03|57014)$/;

/** What Fastify's error codes mean here. Source: https://fastify.dev/docs/latest/Reference/Errors/ */
const BY_FASTIFY_CODE: Record<string, readonly [ProblemName, string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported-media-type',
    'this call takes a body with content-type application/json',
  ],
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed-json', 'the body is not valid JSON'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed-json', 'the body is empty; send a JSON object'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed-request', 'the body is not as long as content-length says'],
  FST_ERR_BAD_URL: ['malformed-request', 'the path of the URL is not validly percent-encoded'],
  FST_ERR_MAX_PARAM_LENGTH: ['uri-too-long', 'a part of the path is too long to name anything here'],
};

/** What a status means where nothing more is known. */
const BY_STATUS = new Map<number, readonly [ProblemName, string]>([
  [404, ['not-found', 'there is nothing at this URL']],
  [408, ['request-timeout', 'the request was not complete in time']],
  [413, ['content-too-large', 'the body is larger than what this call takes']],
  [414, ['uri-too-long', 'the URL is too long']],
  [415, ['unsupported-media-type', 'the body has a media type that this call does not take']],
  [431, ['headers-too-large', 'the header fields are larger than the server takes']],
]);

/** What a client is told of an error, whoever threw it. */
export function problemOfError(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return problemOfOurs(error) ?? problemOfFramework(error) ?? problemOfAbsence(error) ?? internal(error);
}

function problemOfOurs(error: unknown): Problem | undefined {
  if (error instanceof IdempotencyKeyReused) {
    return new Problem('idempotency-key-reused', 'an earlier call with this key asked for something else');
  }
  if (error instanceof EmailTaken) return new Problem('email-taken', error.message);
  if (error instanceof InvalidCredentials) return new Problem('invalid-credentials', error.message);
  if (error instanceof TooManySignIns) {
    return new Problem('too-many-sign-ins', error.message, {
      headers: { 'retry-after': String(error.retryAfterSeconds) },
    });
  }
  if (error instanceof InvalidAccessToken) {
    return new Problem('invalid-token', error.message, {
      headers: {
        'www-authenticate': `Bearer realm="warren", error="invalid_token", error_description="${error.message}"`,
      },
    });
  }
  if (error instanceof InvalidSignature) {
    return new Problem('invalid-signature', PROBLEM_TYPES['invalid-signature'].meaning, { cause: error });
  }
  if (error instanceof TooManyStreams) {
    const type = error.of === 'user' ? 'too-many-streams' : 'no-room-for-streams';
    return new Problem(type, error.message, { headers: RETRY_STREAM_AFTER });
  }
  if (error instanceof CallbackReplayed) return new Problem('callback-replayed', error.message);
  if (error instanceof ObjectTooLarge) {
    return new Problem('content-too-large', `the file is larger than ${error.maxBytes} bytes`);
  }
  if (error instanceof RangeNotSatisfiable) {
    return new Problem('range-not-satisfiable', `the content has ${error.size} bytes`, {
      headers: { 'content-range': `bytes */${error.size}` },
    });
  }
  return undefined;
}

function problemOfFramework(thrown: unknown): Problem | undefined {
  // Nest wraps Fastify's errors, with the original as the cause.
  const error = thrown instanceof HttpException && thrown.cause instanceof Error ? thrown.cause : thrown;
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? BY_FASTIFY_CODE[code] : undefined;
  if (known) return new Problem(...known, { cause: thrown });
  const status = thrown instanceof HttpException ? thrown.getStatus() : statusCode;
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  return new Problem(...(BY_STATUS.get(status) ?? ['malformed-request', 'the request can not be read']), {
    cause: thrown,
  });
}

/** What is away is not told: it says more of our insides than the client can use. It is logged. */
function problemOfAbsence(error: unknown): Problem | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  const passes =
    error instanceof DependencyUnavailable ||
    error instanceof StorageUnavailable ||
    isDatabaseAway(error) ||
    (typeof code === 'string' && TRY_AGAIN.test(code));
  if (!passes) return undefined;
  return new Problem('unavailable', 'the answer needs something that is away at the moment; try again', {
    cause: error,
    headers: RETRY_AFTER,
  });
}

function internal(error: unknown): Problem {
  return new Problem('internal', PROBLEM_TYPES.internal.meaning, { cause: error });
}
