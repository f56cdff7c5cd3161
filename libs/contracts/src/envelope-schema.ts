import type { Schema } from './schema/keywords.ts';

const ATTRIBUTES: Record<string, Schema> = {
  specversion: { const: '1.0', description: 'Version of CloudEvents.' },
  id: {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    description:
      'With `source` the identity of the message: a second one with the same is the same message. A UUIDv7 in all that Warren publishes.',
  },
  source: {
    type: 'string',
    format: 'uri-reference',
    minLength: 1,
    maxLength: 512,
    description: 'Who published it: `/warren/<service>`.',
  },
  type: { type: 'string', minLength: 1, maxLength: 255, description: 'Which message it is.' },
  subject: {
    type: 'string',
    minLength: 1,
    maxLength: 512,
    description: 'Id of the aggregate that the message is about.',
  },
  time: {
    type: 'string',
    format: 'date-time',
    maxLength: 64,
    description: 'When it happened (RFC 3339, UTC).',
  },
  datacontenttype: { const: 'application/json', description: 'Media type of `data`.' },
  dataschema: { type: 'string', format: 'uri', description: 'URL of the JSON Schema of `data`.' },
  sequence: {
    type: 'string',
    pattern: '^[0-9]{10}$',
    description:
      'Version of the aggregate after this message, ten digits that sort as text; 0 where there is no aggregate.',
  },
  correlationid: {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    description: 'Links everything that follows from one request.',
  },
  causationid: {
    type: 'string',
    maxLength: 512,
    description:
      'Id of the message that this one follows from; absent when a request from outside caused it.',
  },
};

/** What a message is refused without, see {@link parseEnvelope}. */
const REQUIRED = [
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'sequence',
  'correlationid',
  'data',
];

/**
 * The JSON Schema of a whole message on the wire: the envelope as `parseEnvelope` reads it, around `data`. Attributes
 * that it does not name are allowed, as CloudEvents asks. Lengths are of characters; `parseEnvelope` counts bytes.
 *
 * @param type the only value that `type` may have
 * @param data the schema of `data`, or a reference to it
 */
export function envelopeSchemaOf(type: string, data: Schema): Schema {
  return {
    type: 'object',
    required: REQUIRED,
    properties: { ...ATTRIBUTES, type: { ...ATTRIBUTES['type'], const: type }, data },
  };
}
