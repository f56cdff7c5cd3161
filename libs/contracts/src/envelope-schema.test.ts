import { envelopeSchemaOf } from './envelope-schema.ts';
import { createEnvelope, MalformedEnvelope, parseEnvelope } from './envelope.ts';
import { strangersAjv } from './test/two-validators.ts';

const validate = strangersAjv.compile(envelopeSchemaOf('parcel.moved.v1', { type: 'object' }));
const message = createEnvelope({
  id: '019bc0fe-7498-7d3e-9c41-5b8f2f6f7a10',
  service: 'parcel-service',
  type: 'parcel.moved.v1',
  subject: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
  sequence: 3,
  data: { grams: 250 },
  schemaBaseUrl: 'https://api.example.com/schemas',
  causationId: '019bc0fe-7420-7a52-8e07-1c9d4ab3c011',
});

function isRead(envelope: object): boolean {
  try {
    parseEnvelope(new TextEncoder().encode(JSON.stringify(envelope)));
    return true;
  } catch (error) {
    if (error instanceof MalformedEnvelope) return false;
    throw error;
  }
}

const without = (attribute: string): object =>
  Object.fromEntries(Object.entries(message).filter(([name]) => name !== attribute));

describe('the JSON Schema of a whole message', () => {
  it('accepts what is published, with attributes that it does not know', () => {
    expect(validate(message)).toBe(true);
    expect(validate({ ...message, traceid: 'abc' })).toBe(true);
  });

  it.each(Object.keys(message))('asks for %s where whoever reads the message does', (attribute) => {
    expect(validate(without(attribute))).toBe(isRead(without(attribute)));
  });

  it.each<[string, unknown]>([
    ['specversion', '0.3'],
    ['id', ''],
    ['id', 7],
    ['id', 'x'.repeat(256)],
    ['id', 'x'.repeat(255)],
    ['source', 'x'.repeat(513)],
    ['subject', ''],
    ['subject', 'x'.repeat(512)],
    ['subject', 'x'.repeat(513)],
    ['time', 'yesterday'],
    ['sequence', '3'],
    ['sequence', 3],
    ['correlationid', 'x'.repeat(256)],
    ['causationid', 'x'.repeat(513)],
    ['causationid', 5],
    ['data', 'text'],
    ['data', null],
  ])('decides on %s of %j as whoever reads the message', (attribute, value) => {
    const changed = { ...message, [attribute]: value };
    expect(validate(changed)).toBe(isRead(changed));
  });

  it('is of one type of message', () => {
    expect(validate({ ...message, type: 'parcel.lost.v1' })).toBe(false);
  });
});
