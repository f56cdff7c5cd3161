/** What comes in, held against the schemas that the gateway serves. */
import { Ajv2020 } from 'ajv/dist/2020.js';

/** A message that no second try can mend. */
export class Malformed extends Error {}

/** The gateway can't be asked just now. */
export class GatewayAway extends Error {}

/** Trying again won't help; the message says what will. */
export class Misconfigured extends Error {}

/** What this program looks at of the envelope: https://github.com/cloudevents/spec */
const ENVELOPE = {
  type: 'object',
  required: ['specversion', 'id', 'source', 'type', 'sequence', 'data'],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string', minLength: 1, maxLength: 255 },
    source: { type: 'string', minLength: 1, maxLength: 512 },
    type: { type: 'string' },
    sequence: { type: 'string', pattern: '^[0-9]{10}$' },
    data: { type: 'object' },
  },
};

/**
 * The function that reads a message body, and throws Malformed with what is wrong with it.
 *
 * @param {Map<string, object>} schemas of `data`, by type
 */
export function readerOf(schemas) {
  // Each format of Warren's schemas has its pattern beside it.
  const ajv = new Ajv2020({ validateFormats: false, strict: false });
  const isEnvelope = ajv.compile(ENVELOPE);
  const validators = new Map([...schemas].map(([type, schema]) => [type, ajv.compile(schema)]));
  const check = (validate, value, name) => {
    if (validate(value)) return;
    throw new Malformed(ajv.errorsText(validate.errors, { dataVar: name }).slice(0, 300));
  };
  return (body) => {
    let envelope;
    try {
      envelope = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    } catch (error) {
      throw new Malformed(`the body is not JSON in UTF-8: ${error.message}`, { cause: error });
    }
    check(isEnvelope, envelope, 'envelope');
    const isData = validators.get(envelope.type);
    if (!isData) throw new Malformed(`nothing here handles the type "${envelope.type}"`);
    check(isData, envelope.data, 'data');
    return envelope;
  };
}

/** Asks for /schemas/{type}.json of the gateway that was configured, never for a URL out of a message. */
export async function fetchSchema(gateway, type) {
  const url = `${gateway}/schemas/${type}.json`;
  let status;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (answer.ok) return await answer.json();
    status = answer.status;
  } catch (error) {
    throw new GatewayAway(`${url} can't be read: ${error.cause?.message ?? error.message}`, { cause: error });
  }
  if (status === 404) {
    throw new Misconfigured(`${url} answers 404: is this the gateway, and does it know ${type}?`);
  }
  throw new GatewayAway(`${url} answers ${status}`);
}
