import { buildMessage, ValidateBy, type ValidationOptions } from 'class-validator';

/** A text format with one meaning for class-validator and for JSON Schema: that of its pattern. */
export interface TextFormat {
  /** The name by which class-validator knows it. */
  readonly name: string;
  readonly pattern: RegExp;
  /** The format of JSON Schema that all of these texts have too, where there is one. */
  readonly format?: string;
  readonly description: string;
}

// Written so that the regular expressions of other languages read them alike: no \d, no \p{…}.
const HOUR = '(?:[01][0-9]|2[0-3])';
const DATE =
  '(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))' +
  '|(?:[0-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)';
/** White space, control characters and the sign itself. */
const NOT_IN_ADDRESS = '\\s\\x00-\\x1f\\x7f-\\x9f@';
const HOST_LABEL = '[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?';
const URL_CHARACTER = "(?:[A-Za-z0-9._~!$&'()*+,;=:@\\-]|%[0-9A-Fa-f]{2})";

export const TIMESTAMP: TextFormat = {
  name: 'isTimestamp',
  format: 'date-time',
  pattern: new RegExp(`^${DATE}T${HOUR}:[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?Z$`, 'u'),
  description: 'an RFC 3339 timestamp in UTC, as 2026-01-15T09:30:00.000Z',
};

// No format: `email` of JSON Schema allows no letters beyond ASCII, and `idn-email` is unknown to most validators.
export const MAIL_ADDRESS: TextFormat = {
  name: 'isMailAddress',
  pattern: new RegExp(`^[^${NOT_IN_ADDRESS}]+@[^${NOT_IN_ADDRESS}.]+(?:\\.[^${NOT_IN_ADDRESS}.]+)+$`, 'u'),
  description: 'a mail address',
};

export const HTTP_URL: TextFormat = {
  name: 'isHttpUrl',
  format: 'uri',
  pattern: new RegExp(
    `^https?://${HOST_LABEL}(?:\\.${HOST_LABEL})*(?::[0-9]{1,5})?(?:/${URL_CHARACTER}*)*` +
      `(?:\\?(?:${URL_CHARACTER}|[/?])*)?(?:#(?:${URL_CHARACTER}|[/?])*)?$`,
    'u',
  ),
  description: 'an absolute URL with http or https',
};

/** All that have a decorator of their own, by name. */
export const TEXT_FORMATS: ReadonlyMap<string, TextFormat> = new Map(
  [TIMESTAMP, MAIL_ADDRESS, HTTP_URL].map((format) => [format.name, format]),
);

function decorate(
  { name, pattern, description }: TextFormat,
  options?: ValidationOptions,
): PropertyDecorator {
  return ValidateBy(
    {
      name,
      validator: {
        validate: (value: unknown) => typeof value === 'string' && pattern.test(value),
        defaultMessage: buildMessage((prefix) => `${prefix}$property must be ${description}`, options),
      },
    },
    options,
  );
}

/**
 * An RFC 3339 timestamp in UTC: capital `T` and `Z`, a day that the month has, up to nine digits of a second, no leap
 * second.
 */
export const IsTimestamp = (options?: ValidationOptions) => decorate(TIMESTAMP, options);

/**
 * A mail address to write to: one `@`, a domain with a dot, no white space, letters of any script. Whether somebody
 * reads what is sent there, no pattern can tell.
 */
export const IsMailAddress = (options?: ValidationOptions) => decorate(MAIL_ADDRESS, options);

/** An absolute URL (RFC 3986) with `http` or `https` and a host name, without user, password or brackets. */
export const IsHttpUrl = (options?: ValidationOptions) => decorate(HTTP_URL, options);
