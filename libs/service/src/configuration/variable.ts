import {
  bool,
  email,
  EnvError,
  host,
  json,
  num,
  port,
  str,
  url,
  type RequiredValidatorSpec,
  type ValidatorSpec,
} from 'envalid';

/** Environment variables by name. Values come from envalid's makers or from the ones below. */
export type EnvironmentSpecs = Record<string, ValidatorSpec<unknown>>;

interface Described<T> {
  /** What it is for, with the unit of a number. */
  desc: string;
  /** Makes the variable optional. */
  default?: T;
  example?: string;
}

type Typed = { type?: string };

function variable<T>(
  type: string,
  spec: Described<T>,
  parse: (input: string) => T,
): RequiredValidatorSpec<T> {
  return { ...spec, type, _parse: parse } as RequiredValidatorSpec<T> & Typed;
}

/** A whole number from `min` to `max`. */
export function integer(
  spec: Described<number> & { min: number; max: number },
): RequiredValidatorSpec<number> {
  const { min, max, ...described } = spec;
  return variable(`integer ${min}..${max}`, described, (input) => {
    const value = Number(input);
    if (!/^-?\d+$/.test(input) || !Number.isSafeInteger(value) || value < min || value > max) {
      throw new EnvError(`must be a whole number from ${min} to ${max}, not "${input}"`);
    }
    return value;
  });
}

/** One of a few words. */
export function oneOf<const T extends string>(
  choices: readonly T[],
  spec: Described<NoInfer<T>>,
): RequiredValidatorSpec<T> {
  return variable(choices.join('|'), spec, (input) => {
    if (!choices.includes(input as T))
      throw new EnvError(`must be one of ${choices.join(', ')}, not "${input}"`);
    return input as T;
  });
}

function checkUrl(input: string, protocols: readonly string[]): string {
  // The value itself is not shown: it may carry a password.
  if (!URL.canParse(input))
    throw new EnvError(`is not a URL; characters like @ in a password must be %-encoded`);
  const { protocol } = new URL(input);
  if (!protocols.includes(protocol.slice(0, -1))) {
    throw new EnvError(`must be a URL that starts with ${protocols.join(':// or ')}://, not ${protocol}//`);
  }
  return input;
}

/** A URL with one of these protocols, given without the colon. */
export function urlOf(protocols: readonly string[], spec: Described<string>): RequiredValidatorSpec<string> {
  return variable(`URL ${protocols.join('|')}`, spec, (input) => checkUrl(input, protocols));
}

/** Several URLs, separated by commas. */
export function urlsOf(
  protocols: readonly string[],
  spec: Described<string[]>,
): RequiredValidatorSpec<string[]> {
  return variable(`URLs ${protocols.join('|')}`, spec, (input) => {
    const urls = input
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    if (urls.length === 0) throw new EnvError('must name at least one URL');
    return urls.map((each) => checkUrl(each, protocols));
  });
}

/** Envalid's makers share one parser each, by which their type is told. */
const ENVALID_TYPES = new Map<unknown, string>([
  [bool()._parse, 'true|false'],
  [email()._parse, 'mail address'],
  [host()._parse, 'host'],
  [json()._parse, 'JSON'],
  [num()._parse, 'number'],
  [port()._parse, 'port 1..65535'],
  [str()._parse, 'text'],
  [url()._parse, 'URL'],
]);

/** The type of a variable in a few words, for the usage text. */
export function typeOf(spec: ValidatorSpec<unknown>): string {
  const { type } = spec as Typed;
  if (type !== undefined) return type;
  if (spec.choices) return spec.choices.join('|');
  return ENVALID_TYPES.get(spec._parse) ?? 'text';
}
