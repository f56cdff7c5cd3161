import { createEnvelope, type Contract, type EventEnvelope } from '@warren/contracts';

const EXAMPLE_ID = '019bc0fe-7498-7d3e-9c41-5b8f2f6f7a10';
const EXAMPLE_CORRELATION_ID = '019bc0fe-7420-7a52-8e07-1c9d4ab3c011';
const EXAMPLE_QUESTION_ID = '019bc0fe-7490-7c11-8d52-6f0a3be94d25';
const EXAMPLE_TIME = new Date('2026-01-15T09:31:00.120Z');

/** A whole message around the example of a contract, the same whenever it is made. */
export function exampleEnvelope(contract: Contract, schemaBaseUrl: string): EventEnvelope {
  const { type, kind, publishedBy, example } = contract;
  const isAboutAggregate = kind === 'event' || kind === 'command';
  return createEnvelope({
    id: EXAMPLE_ID,
    service: publishedBy,
    type,
    subject: subjectOf(contract),
    sequence: isAboutAggregate ? 1 : 0,
    data: example,
    schemaBaseUrl,
    time: EXAMPLE_TIME,
    correlationId: EXAMPLE_CORRELATION_ID,
    ...(kind === 'reply' && { causationId: EXAMPLE_QUESTION_ID }),
  });
}

/** By the custom of all contracts, the first field that is an id is that of the aggregate. Requests are about themselves. */
function subjectOf({ kind, example }: Contract): string {
  if (kind === 'request') return EXAMPLE_ID;
  if (kind === 'reply') return EXAMPLE_QUESTION_ID;
  const isId = ([field, value]: [string, unknown]) => /^id$|Id$/.test(field) && typeof value === 'string';
  return (Object.entries(example).find(isId)?.[1] as string | undefined) ?? EXAMPLE_ID;
}
