import { DefineEvent, formatSequence } from '@warren/contracts';
import { IsInt, Length, Min } from 'class-validator';
import { v7 as uuidv7 } from 'uuid';
import { SCHEMAS } from './schemas.ts';

export const EXCHANGE = 'readings.events';
export const TYPE = 'reading.taken.v1';
/** What each message weighs on the wire, in bytes. */
export const MESSAGE_BYTES = 1_024;

const example = { sensor: 's-1', value: 20, note: '' };

/** The event of the benchmarks: a contract like any other. */
@DefineEvent<ReadingTakenV1>({
  type: TYPE,
  exchange: EXCHANGE,
  publishedBy: 'bench-sensors',
  description: 'A sensor was read.',
  example,
})
export class ReadingTakenV1 {
  @Length(1, 100)
  sensor!: string;

  @IsInt()
  @Min(0)
  value!: number;

  @Length(0, 2_000)
  note!: string;
}

/** One aggregate for each message, so that none waits for the confirm of another. */
export function subjectOf(n: number): string {
  return `s-${String(n).padStart(8, '0')}`;
}

function readingWith(note: string, n: number): ReadingTakenV1 {
  return { sensor: subjectOf(n), value: 20_000 + (n % 10_000), note };
}

function envelopeWith(note: string, n: number): { id: string; body: string } {
  const id = uuidv7();
  const body = JSON.stringify({
    specversion: '1.0',
    id,
    source: '/warren/bench-sensors',
    type: TYPE,
    subject: subjectOf(n),
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    dataschema: `${SCHEMAS}/${TYPE}.json`,
    sequence: formatSequence(1),
    correlationid: id,
    data: readingWith(note, n),
  });
  return { id, body };
}

/** Fills the message up to its weight. */
const NOTE = 'x'.repeat(MESSAGE_BYTES - envelopeWith('', 1).body.length);

export function readingOf(n: number): ReadingTakenV1 {
  return readingWith(NOTE, n);
}

/** An envelope as the outbox writes it, for those who publish without one. */
export function envelopeOf(n: number): { id: string; body: string } {
  return envelopeWith(NOTE, n);
}
