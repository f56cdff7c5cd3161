/** What is known of one kind of error. The error catalogue at /problems and the OpenAPI document are made from it. */
export interface ProblemType {
  status: number;
  /** The same for every occurrence. */
  title: string;
  /** What happened, for somebody who has never seen the system. */
  meaning: string;
  /** What the client can do about it. */
  mend: string;
}

/** The one list of errors that the API answers with, in the order of their status. */
export const PROBLEM_TYPES = {
  'malformed-request': {
    status: 400,
    title: 'The request can not be read',
    meaning: 'The request breaks the rules of HTTP or of its URL, or it ended too early.',
    mend: 'Look at the detail; a client library usually does this right.',
  },
  'malformed-json': {
    status: 400,
    title: 'The body is not valid JSON',
    meaning: 'The body was announced as application/json and is not JSON, is empty, or is nested too deeply.',
    mend: 'Send one JSON object in UTF-8.',
  },
  validation: {
    status: 400,
    title: 'The request has fields that are not allowed',
    meaning:
      'One or more fields are missing, of the wrong type, out of range, or unknown. "errors" names each by where ' +
      'it is ("body", "query", "path" or "header") and a JSON pointer (RFC 6901).',
    mend: 'Correct every field named in "errors". Nothing was stored.',
  },
  'malformed-upload': {
    status: 400,
    title: 'The upload can not be read',
    meaning: 'The multipart/form-data body is incomplete, or holds something else than exactly one file.',
    mend: 'Send one part named "file" with a file name, and nothing beside it. Nothing was stored.',
  },
  'idempotency-key-missing': {
    status: 400,
    title: 'The Idempotency-Key header is missing or not usable',
    meaning: 'This call has an effect that must not happen twice, so it needs a key that you choose.',
    mend:
      'Send a header Idempotency-Key of 1 to 255 visible ASCII characters, for example a UUID: a new one for each ' +
      'call that you mean, the same one when you repeat a call.',
  },
  'missing-token': {
    status: 401,
    title: 'The request has no bearer token',
    meaning: 'This call needs to know who you are.',
    mend: 'Open a session with POST /v1/sessions and send its token as "Authorization: Bearer …".',
  },
  'invalid-token': {
    status: 401,
    title: 'The bearer token is not valid',
    meaning: 'The token has expired, or it was not issued by this API.',
    mend: 'Open a new session with POST /v1/sessions.',
  },
  'invalid-credentials': {
    status: 401,
    title: 'The address or the password is wrong',
    meaning:
      'There is no account with this address and this password. Which of the two is wrong is not told.',
    mend: 'Try again, or sign up with POST /v1/users.',
  },
  'invalid-signature': {
    status: 401,
    title: 'The callback is not signed as it has to be',
    meaning:
      'The signature is missing, malformed, older or newer than 5 minutes, or made with another secret or for another ' +
      'body. Which of these is not told.',
    mend:
      'Sign the bytes that are sent, after Standard Webhooks, with the secret that this API was given and the time of ' +
      'now. Whoever runs the API finds the reason in its log, by the request id.',
  },
  'not-found': {
    status: 404,
    title: 'There is no such thing',
    meaning: 'Nothing is at this URL, or what is there is not yours.',
    mend: 'Check the URL, and whether you are signed in with the account that owns it.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The method is not allowed here',
    meaning: 'Something is at this URL, but it does not know this method.',
    mend: 'Use one of the methods in the Allow header.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    meaning: 'The request was not complete in time.',
    mend: 'Send it again on a faster or steadier connection.',
  },
  'email-taken': {
    status: 409,
    title: 'There is an account with this address',
    meaning: 'An address can have one account; upper and lower case are the same.',
    mend: 'Open a session instead, or use another address.',
  },
  'callback-replayed': {
    status: 409,
    title: 'This very callback was taken before',
    meaning:
      'A request with this webhook-id, webhook-timestamp and body was taken before, so it had no effect.',
    mend: 'Nothing, if you meant the one of before. To repeat a callback, sign it with the time of now.',
  },
  'content-too-large': {
    status: 413,
    title: 'The body is too large',
    meaning: 'The body, or the file in it, is larger than what this call takes.',
    mend: 'Send less; the detail names the limit. Nothing was stored.',
  },
  'uri-too-long': {
    status: 414,
    title: 'The URL is too long',
    meaning: 'A part of the URL is longer than anything that this API hands out.',
    mend: 'Check the URL.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body has a media type that this call does not take',
    meaning: 'The Content-Type of the request is missing or another than the call expects.',
    mend: 'Send application/json, or multipart/form-data to upload a file.',
  },
  'range-not-satisfiable': {
    status: 416,
    title: 'The range lies outside of the content',
    meaning: 'The Range header asks for bytes after the end.',
    mend: 'Ask for a range within the size that the Content-Range header names.',
  },
  'expectation-failed': {
    status: 417,
    title: 'The Expect header asks for something that is not done here',
    meaning: 'The request has an Expect header with something else than 100-continue.',
    mend: 'Leave the header out.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The Idempotency-Key was used for another call',
    meaning: 'A key stands for one call. An earlier one with this key had another URL or payload.',
    mend: 'Choose a new key for a new call; to repeat a call, send the same payload.',
  },
  'too-many-streams': {
    status: 429,
    title: 'You have too many event streams open',
    meaning: 'A user can have so many event streams open at the same time; the detail names the limit.',
    mend: 'Close those that you do not need, and open this one after the time in Retry-After.',
  },
  'too-many-sign-ins': {
    status: 429,
    title: 'Too many sign-ins have failed',
    meaning:
      'Within 15 minutes 10 sign-ins with this address have failed, or 100 from your network. The password was not ' +
      'looked at: the right one is refused too. Whether there is an account with this address makes no difference.',
    mend: 'Wait for as many seconds as Retry-After says, then sign in with the right password: that clears the count of the address.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The headers are too large',
    meaning: 'The header fields of the request are larger than the server takes.',
    mend: 'Send fewer or smaller header fields.',
  },
  internal: {
    status: 500,
    title: 'Something went wrong on our side',
    meaning: 'An error that nobody foresaw. It was logged with the request id.',
    mend: 'Try again later; calls with an Idempotency-Key can be repeated safely. Name the request id if you report it.',
  },
  'not-ready': {
    status: 503,
    title: 'Not ready',
    meaning:
      'GET /health/ready found that the gateway can not be of use right now; "details" names what is wrong.',
    mend: 'Send requests to another replica, and see what the detail names.',
  },
  'no-room-for-streams': {
    status: 503,
    title: 'No more event streams can be served right now',
    meaning:
      'This replica of the gateway has as many event streams open as it takes; other calls are served.',
    mend: 'Open it again after the time in Retry-After, or ask for the state from time to time.',
  },
  unavailable: {
    status: 503,
    title: 'Something that is needed for the answer is away',
    meaning: 'A service or a store behind the API does not answer at the moment.',
    mend: 'Repeat the call after the time in Retry-After.',
  },
} as const satisfies Record<string, ProblemType>;

export type ProblemName = keyof typeof PROBLEM_TYPES;

/** Where the page of a problem type is: the `type` of its documents, relative to the API. */
export const problemUrl = (name: ProblemName): string => `/problems/${name}`;
